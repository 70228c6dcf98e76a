package api

import (
	"fmt"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
	"github.com/ceteris/ceteris/models/wire"
)

// Fetch, key 1. Served 4-17.
//
// Behaviour:
//   - Readers see what lies below the high watermark, whoever they say they are:
//     a replica id changes nothing, replicas of this broker do not use this API.
//     Without transactions the last stable offset is the high watermark.
//   - The request waits until min bytes are there, max wait has passed, or there
//     is something to say at once: an error, a diverging epoch, or an offset in
//     an older segment than the high watermark, where waiting would add nothing.
//   - Partitions are served in request order until max bytes are used up. The
//     first that has anything gets its first batch whole, however large; others
//     may end in a cut batch but never start with one.
//   - Incremental sessions (KIP-227): see [Sessions].
//   - Epochs fence: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH (KIP-320), and a
//     diverging epoch when the client's log has left ours (KIP-595).
//
// Versions:
//   - 4 is record batches and isolation, 5 the log start offset, 7 sessions.
//   - 9 carries the current leader epoch, 10 zstd, 11 the rack (KIP-392).
//   - 12 is flexible and carries the last fetched epoch.
//   - 13 names topics by id (KIP-516): UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID.
//   - 15 moves the replica id to a tagged field (KIP-903); 16 says where the
//     leader is (KIP-951); 17 adds a follower's directory id (KIP-853).

// Fetch is one Fetch request on its way through the broker. It is reused: Reset
// it before the next Split.
type Fetch struct {
	Env           *Env
	Version       int16
	MaxWaitMs     int32
	MinBytes      int32
	MaxBytes      int32 // of the whole response
	ReadCommitted bool
	Parts         []FetchPart // in the order in which they share MaxBytes
	// ThrottleMs tells the client how long it will not be read from. Split
	// clears it.
	ThrottleMs int32

	most    int32 // fetch.max.bytes
	names   []byte
	code    int16
	session sessionUse
	in      fetchInput
	put     fetchOutput
	cuts    []int // where in the head each responding part's records belong
	runs    []int // how many parts of each topic respond, in the order of the answer
	out     wire.FetchResponse
}

// FetchPart is what is read from one partition. The owner of the partition
// writes it between Split and Join; nobody else looks meanwhile.
type FetchPart struct {
	Topic            *cluster.Topic // nil when unknown, and then Done
	Index            int32
	Owner            int32
	Offset           int64
	MaxBytes         int32
	CurrentEpoch     int32 // -1 when not given
	LastFetchedEpoch int32 // -1 when not given

	Err               int16
	HW, LSO, LogStart int64
	Extent            log.Extent
	// Data is the extent's bytes, put here by the shell before Join, which takes
	// over the pieces it needs. The first Extent.Len bytes count.
	Data           []iobuf.Piece
	DivergingEpoch int32 // -1 when there is none
	DivergingEnd   int64
	// Done means answered by Split: there is nothing to apply.
	Done bool

	name                []byte
	id                  [16]byte
	version             int16
	leader, leaderEpoch int32
	slot                int32 // in the session
	older               bool  // the extent lies in an older segment than the high watermark
	respond             bool
	bytes               int // of the extent that are sent
}

// Split cuts the request by partition, after its session (ses may be nil: then
// there are none) has said which partitions those are.
func (op *Fetch) Split(req *wire.FetchRequest, im *cluster.Image, ses *Sessions) {
	op.Begin(req, im, ses)
	for op.SplitSome(allAtOnce) {
	}
}

// add makes room for a part and keeps the room its Data had.
func (op *Fetch) add() *FetchPart {
	n := len(op.Parts)
	if n < cap(op.Parts) {
		op.Parts = op.Parts[:n+1]
	} else {
		op.Parts = append(op.Parts, FetchPart{})
	}
	fp := &op.Parts[n]
	*fp = FetchPart{Data: fp.Data[:0], version: op.Version, slot: -1, leader: -1, leaderEpoch: -1}
	fp.clear()
	return fp
}

// place finds the owner of a part, or answers it.
func (op *Fetch) place(fp *FetchPart, missing int16) {
	op.in.head += wire.FetchPartBytes + wire.FetchTopicBytes + len(fp.name)
	if missing != 0 {
		fp.refuse(missing)
		return
	}
	pm := partMeta(fp.Topic, fp.Index)
	if pm == nil {
		fp.refuse(codeUnknownTopic)
		return
	}
	fp.Owner, fp.leader, fp.leaderEpoch = pm.Owner, op.Env.leader(pm), pm.LeaderEpoch
	if !op.Env.leads(pm) {
		fp.refuse(codeNotLeader)
	}
}

func (fp *FetchPart) refuse(code int16) {
	fp.Fail(code)
	fp.Done = true
}

// clear makes the part one that has nothing.
func (fp *FetchPart) clear() {
	fp.Err, fp.HW, fp.LSO, fp.LogStart = 0, noOffset, noOffset, noOffset
	fp.Extent.Seg, fp.Extent.Len, fp.Extent.First, fp.bytes, fp.older = nil, 0, 0, 0, false
	fp.DivergingEpoch, fp.DivergingEnd = -1, noOffset
}

// Fail answers the part with an error in place of records, for a shell that
// could not load the extent.
func (fp *FetchPart) Fail(code int16) {
	fp.clear()
	fp.Err = code
}

// Apply reads the part's partition up to the high watermark; any thread may,
// and again whenever there may be more. p is nil when the partition is not
// here. It fills the extent, whose bytes the shell then loads into Data, unless
// cold: then Extent.Seg and Extent.Pos say what pk wants loaded first.
//
// budget is the most bytes this part may have, and minOne whether it gets a
// first batch that is larger. A shell that applies the parts side by side gives
// each the request's MaxBytes and minOne; Join trims to what applying one after
// the other would have given.
func (fp *FetchPart) Apply(p *partition.Partition, budget int, minOne bool, pk log.Peeker) (cold bool) {
	if fp.Done {
		return false
	}
	fp.clear()
	if code := fp.refusedBy(p); code != 0 {
		fp.Fail(code)
		return false
	}
	hw := p.HighWatermark()
	start, end := p.Log.StartOffset(), p.Log.EndOffset()
	if fp.Offset < start || fp.Offset > end {
		fp.Fail(codeOutOfRange)
		return false
	}
	fp.HW, fp.LSO, fp.LogStart = hw.Offset, hw.Offset, start
	if fp.LastFetchedEpoch >= 0 && fp.diverges(p) {
		return false
	}
	code := p.Log.Find(fp.Offset, min(budget, int(fp.MaxBytes)), minOne, hw, pk, &fp.Extent)
	switch code {
	case 0:
		fp.older = fp.Extent.Len > 0 && fp.Extent.Seg.Base < hw.SegBase
		return false
	case log.CodeCold:
		fp.Extent.Len = 0
		return true
	}
	fp.Fail(code)
	return false
}

func (fp *FetchPart) refusedBy(p *partition.Partition) int16 {
	switch {
	case p == nil:
		return codeNotLeader
	case p.ID != fp.Topic.ID && fp.version >= 13:
		return codeInconsistentTopicID
	case p.ID != fp.Topic.ID:
		return codeUnknownTopic
	}
	return checkEpoch(fp.CurrentEpoch, p.LeaderEpoch)
}

// checkEpoch compares the leader epoch a client believes in with ours.
func checkEpoch(theirs, ours int32) int16 {
	switch {
	case theirs < 0 || theirs == ours:
		return 0
	case theirs < ours:
		return codeFencedEpoch
	}
	return codeUnknownEpoch
}

// diverges reports whether the client's log has left ours, or that we cannot
// tell, which is an error.
func (fp *FetchPart) diverges(p *partition.Partition) bool {
	epoch, end := epochEnd(p, fp.LastFetchedEpoch)
	if epoch < 0 || end < 0 {
		fp.Fail(codeOutOfRange)
		return true
	}
	if epoch < fp.LastFetchedEpoch || end < fp.Offset {
		fp.DivergingEpoch, fp.DivergingEnd = epoch, end
		return true
	}
	return false
}

// AddData adds a part of buf to the data and takes over one reference to it.
func (fp *FetchPart) AddData(buf *iobuf.Buf, b []byte) {
	fp.Data = append(fp.Data, iobuf.Piece{B: b, Buf: buf, FD: -1, Len: len(b)})
}

// Ready reports whether the request is to be answered now rather than when more
// arrives or MaxWaitMs is over.
func (op *Fetch) Ready() bool {
	if op.code != 0 || op.MaxWaitMs <= 0 || len(op.Parts) == 0 {
		return true
	}
	bytes := 0
	for i := range op.Parts {
		fp := &op.Parts[i]
		if fp.Err != 0 || fp.DivergingEpoch >= 0 || fp.older {
			return true
		}
		bytes += fp.Extent.Len
	}
	return bytes >= int(op.MinBytes)
}

// Reset releases data that Join did not send and forgets the metadata the last
// request referred to. at is the allocator of the calling thread.
func (op *Fetch) Reset(at iobuf.Allocator) {
	for i := range op.Parts {
		fp := &op.Parts[i]
		fp.Drop(at)
		*fp = FetchPart{Data: fp.Data}
	}
	op.Parts, op.names, op.session = op.Parts[:0], op.names[:0], sessionUse{}
	op.in.req, op.in.im, op.in.ses, op.in.topics, op.in.topic, op.in.name, op.put.b = nil, nil, nil, nil, nil, nil, nil
	op.in.phase, op.in.head, op.put.head = fetchDone, 0, 0
}

// Drop releases the part's data. A shell that loads before it knows whether the
// request is ready calls it before it applies the part again.
func (fp *FetchPart) Drop(at iobuf.Allocator) {
	for i := range fp.Data {
		fp.Data[i].Release(at)
		fp.Data[i] = iobuf.Piece{}
	}
	fp.Data = fp.Data[:0]
}

// String names the part in a panic.
func (fp *FetchPart) String() string { return fmt.Sprintf("%s/%x-%d", fp.name, fp.id, fp.Index) }
