package tpc

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
	"github.com/ceteris/ceteris/models/telemetry"
)

// partKey names a partition inside a broker.
type partKey struct {
	id    [16]byte
	index int32
}

// ownedPartition is a partition as its owning shard holds it: the shared state,
// the appender that brings bytes to the device, and who waits. Only the owner's
// thread touches it, which is why there is no lock here.
type ownedPartition struct {
	*partition.Partition
	s   *shard
	dir string // the log's directory

	app appender

	// Produce parts that wait for durability, in offset order: the head is
	// always the next to be satisfied.
	produceHead, produceTail *produceWait
	// Fetch legs that wait for bytes, in no order.
	fetchWaits *fetchWait
	fetchNext  *fetchWait // where notifyFetches goes on; kept valid by unlink

	synced atomic.Int64 // offset below which recovery need not look: read by the checkpointer

	windows     windows    // what was read from the device
	place       int        // in the shard's list
	jobs        int        // file work that is under way off this thread
	drops       []*dropJob // segments that retention has taken, until their files are deleted
	uncleanable bool       // compaction has failed on it
	gone        bool       // deleted: answers UNKNOWN_TOPIC_OR_PARTITION
	load        load       // since it was last asked
	moving      bool       // between two shards: what arrives is held
	held        held       // and here it is
	room        *iobuf.Buf // kept for the last block of a partition that is on its way here
	warmAt      int        // place in the shard's list of tails in memory, from 1; 0 when not in it
	warmEnd     int64      // where the log ended when housekeeping looked, and
	warmNs      int64      // since when it has
	inDirty     bool       // in the shard's list of partitions with bytes to write
}

// produceWait is one produce part waiting for its offset to become durable.
type produceWait struct {
	next *produceWait
	req  *request
	part int32
	need int64 // satisfied when the high watermark reaches this offset

	startNs int64 // when the owner took the part up, and
	localNs int64 // when it was appended
	doneNs  int64 // when its bytes kept the durability promise, or were found not to
}

// fetchWait links one part of a fetch leg into its partition.
type fetchWait struct {
	prev, next *fetchWait
	leg        *fetchLeg
	p          *ownedPartition // nil when not linked
}

func (p *ownedPartition) waitProduce(w *produceWait) {
	if p.produceTail == nil {
		p.produceHead = w
	} else {
		p.produceTail.next = w
	}
	p.produceTail = w
}

func (p *ownedPartition) waitFetch(w *fetchWait) {
	w.p, w.prev, w.next = p, nil, p.fetchWaits
	if p.fetchWaits != nil {
		p.fetchWaits.prev = w
	}
	p.fetchWaits = w
}

func (w *fetchWait) unlink() {
	if w.p == nil {
		return
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		w.p.fetchWaits = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	if w.p.fetchNext == w {
		w.p.fetchNext = w.next
	}
	w.p, w.prev, w.next = nil, nil, nil
}

// advance publishes a new durable end and lets everyone go who waited for it:
// first the producers, whose order is the log's order, then the consumers.
func (p *ownedPartition) advance(m log.Mark) {
	if !p.Durable(m) {
		return
	}
	p.releaseProducers(m.Offset, 0)
	p.notifyFetches()
}

// releaseProducers completes every waiting part below offset with code, which
// is 0 for success.
func (p *ownedPartition) releaseProducers(offset int64, code int16) {
	nowNs := telemetry.Now() // one moment for the whole group
	for w := p.produceHead; w != nil && w.need <= offset; w = p.produceHead {
		w.doneNs = nowNs
		p.produceHead = w.next
		if p.produceHead == nil {
			p.produceTail = nil
		}
		w.next = nil
		p.s.finishProducePart(p, w.req, w.part, code)
	}
}

// notifyFetches lets every waiting leg look at what has arrived. A leg unlinks
// all its waits for that, some of them perhaps from this very list, so the place
// to go on is kept where unlink can move it; one that waits on links itself
// before that place.
func (p *ownedPartition) notifyFetches() {
	for w := p.fetchWaits; w != nil; w = p.fetchNext {
		p.fetchNext = w.next
		w.leg.s.wakeLeg(w)
	}
}

// fail takes the partition's storage out of service: whoever waits for
// durability gets a storage error, whoever waits for bytes is woken to see it.
func (p *ownedPartition) fail(err error) {
	if p.Failed() {
		return
	}
	p.Fail()
	p.s.b.logf("partition %s-%d: storage failed, appends are refused: %v", p.Topic, p.Index, err)
	p.releaseProducers(1<<62, codeStorage)
	p.notifyFetches()
}
