package api

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/wire"
)

// fetchFrom is a request of version v, without a session, for partitions 0 to n-1.
func fetchFrom(v int16, topic *cluster.Topic, n int32, edit ...func(*kmsg.FetchRequestTopicPartition)) *kmsg.FetchRequest {
	q := kmsg.NewPtrFetchRequest()
	q.Version, q.MaxBytes, q.MinBytes, q.SessionEpoch = v, 1<<20, 1, -1
	rt := kmsg.FetchRequestTopic{Topic: topic.Name, TopicID: topic.ID}
	for i := range n {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch = i, 1<<20, -1, -1
		for _, e := range edit {
			e(&p)
		}
		rt.Partitions = append(rt.Partitions, p)
	}
	q.Topics = []kmsg.FetchRequestTopic{rt}
	return q
}

func (f *fakeBroker) fetched(q *kmsg.FetchRequest) kmsg.FetchResponseTopicPartition {
	f.t.Helper()
	return f.ask(q).(*kmsg.FetchResponse).Topics[0].Partitions[0]
}

func TestFetchReadsWhatWasProduced(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	var all []byte
	for i := range 5 {
		q := produceTo(13, topic, 0, records(2, 10*i))
		f.produced(q)
	}
	p := f.part(topic, 0)
	all = make([]byte, p.Log.SizeBytes())
	if _, err := p.Log.ActiveSegment().File.ReadAt(all, 0); err != nil {
		t.Fatal(err)
	}
	for v := int16(4); v <= 17; v++ {
		r := f.fetched(fetchFrom(v, topic, 1))
		if r.ErrorCode != 0 || r.HighWatermark != 10 || r.LastStableOffset != 10 || r.LogStartOffset != 0 && v >= 5 || !bytes.Equal(r.RecordBatches, all) {
			t.Errorf("v%d: code %d hw %d lso %d start %d, %d bytes of %d", v, r.ErrorCode, r.HighWatermark, r.LastStableOffset, r.LogStartOffset, len(r.RecordBatches), len(all))
		}
		if r.AbortedTransactions != nil {
			t.Errorf("v%d: aborted transactions of a reader of everything", v)
		}
		q := fetchFrom(v, topic, 1, func(p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = 10 })
		q.IsolationLevel = 1
		if r := f.fetched(q); r.ErrorCode != 0 || len(r.RecordBatches) != 0 || r.AbortedTransactions == nil {
			t.Errorf("v%d at the end: %+v", v, r)
		}
	}
	// From the middle of a batch, that batch is the first; one batch whole, however small the limits.
	q := fetchFrom(12, topic, 1, func(p *kmsg.FetchRequestTopicPartition) { p.FetchOffset, p.PartitionMaxBytes = 3, 1 })
	q.MaxBytes = 1
	if r := f.fetched(q); len(r.RecordBatches) != len(records(2, 10)) || r.RecordBatches[7] != 2 {
		t.Errorf("from offset 3 got %d bytes from offset %d", len(r.RecordBatches), r.RecordBatches[7])
	}
}

func TestFetchErrors(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	f.produced(produceTo(13, topic, 0, records(4, 1)))
	f.part(topic, 0).LeaderEpoch = 5
	nowhere := &cluster.Topic{Name: "nowhere", ID: [16]byte{9}}
	type edit = func(*kmsg.FetchRequestTopicPartition)
	for _, c := range []struct {
		name  string
		v     int16
		topic *cluster.Topic
		edit  edit
		want  *kerr.Error
	}{
		{"unknown name", 12, nowhere, func(*kmsg.FetchRequestTopicPartition) {}, kerr.UnknownTopicOrPartition},
		{"unknown id", 13, nowhere, func(*kmsg.FetchRequestTopicPartition) {}, kerr.UnknownTopicID},
		{"no such partition", 13, topic, func(p *kmsg.FetchRequestTopicPartition) { p.Partition = 1 }, kerr.UnknownTopicOrPartition},
		{"beyond the end", 13, topic, func(p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = 5 }, kerr.OffsetOutOfRange},
		{"before the start", 13, topic, func(p *kmsg.FetchRequestTopicPartition) { p.FetchOffset = -1 }, kerr.OffsetOutOfRange},
		{"older epoch", 9, topic, func(p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 4 }, kerr.FencedLeaderEpoch},
		{"newer epoch", 9, topic, func(p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 6 }, kerr.UnknownLeaderEpoch},
		{"this epoch", 9, topic, func(p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 5 }, nil},
		{"last fetched in the future", 12, topic, func(p *kmsg.FetchRequestTopicPartition) { p.LastFetchedEpoch = 6 }, kerr.OffsetOutOfRange},
	} {
		r := f.fetched(fetchFrom(c.v, c.topic, 1, c.edit))
		want := int16(0)
		if c.want != nil {
			want = c.want.Code
		}
		if r.ErrorCode != want || want != 0 && (r.HighWatermark != -1 || len(r.RecordBatches) != 0) {
			t.Errorf("%s: code %v, want %v; hw %d", c.name, kerr.ErrorForCode(r.ErrorCode), c.want, r.HighWatermark)
		}
	}

	f.part(topic, 0).ID = [16]byte{1, 2, 3}
	if r := f.fetched(fetchFrom(13, topic, 1)); r.ErrorCode != kerr.InconsistentTopicID.Code {
		t.Errorf("recreated, by id: code %d", r.ErrorCode)
	}
	delete(f.parts, log.TP{Topic: "t"})
	for v := int16(12); v <= 17; v++ {
		resp := f.ask(fetchFrom(v, topic, 1)).(*kmsg.FetchResponse)
		r := resp.Topics[0].Partitions[0]
		told := len(resp.Brokers) == 1 && r.CurrentLeader.LeaderID == 1
		if r.ErrorCode != kerr.NotLeaderForPartition.Code || told != (v >= 16) {
			t.Errorf("v%d not here: code %d, leader %+v, nodes %+v", v, r.ErrorCode, r.CurrentLeader, resp.Brokers)
		}
	}
}

func TestFetchDivergingEpoch(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	f.produced(produceTo(13, topic, 0, records(4, 1))) // epoch 0: offsets 0 to 3
	f.part(topic, 0).LeaderEpoch = 3                   // epoch 3 begins at 4
	f.produced(produceTo(13, topic, 0, records(2, 1)))
	for _, c := range []struct {
		offset     int64
		last       int32
		epoch      int32
		end, bytes int64
	}{{4, 0, -1, -1, 1}, {5, 0, 0, 4, 0}, {5, 1, 0, 4, 0}, {6, 3, -1, -1, 0}, {5, 3, -1, -1, 1}} {
		r := f.fetched(fetchFrom(12, topic, 1, func(p *kmsg.FetchRequestTopicPartition) { p.FetchOffset, p.LastFetchedEpoch = c.offset, c.last }))
		if r.ErrorCode != 0 || r.DivergingEpoch.Epoch != c.epoch || r.DivergingEpoch.EndOffset != c.end || (len(r.RecordBatches) > 0) != (c.bytes > 0) {
			t.Errorf("offset %d after epoch %d: code %d, diverging %+v, %d bytes", c.offset, c.last, r.ErrorCode, r.DivergingEpoch, len(r.RecordBatches))
		}
	}
}

// Parts applied side by side, each with the whole budget, are trimmed to what
// parts applied in order with what is left would have got, byte for byte.
func TestFetchParallelEqualsSequential(t *testing.T) {
	const seed = 20261121
	r := rand.New(rand.NewPCG(seed, 1))
	f := newFake(t)
	topic := f.topic("t", 6)
	for range 60 {
		f.produced(produceTo(13, topic, r.Int32N(6), records(1+r.IntN(3), r.IntN(300))))
	}
	trimmed := 0
	for round := range 800 {
		// Small shares too: they fit MaxBytes together, and a first batch that is
		// larger than its share takes what the others were promised.
		most := []int32{1500, 300}[round%2]
		q := fetchFrom(13, topic, 6, func(p *kmsg.FetchRequestTopicPartition) {
			p.PartitionMaxBytes = r.Int32N(most)
			p.FetchOffset = r.Int64N(f.part(topic, p.Partition).Log.EndOffset() + 1)
		})
		q.MaxBytes = r.Int32N(4000)
		if most == 300 {
			q.MaxBytes = r.Int32N(1500)
		}
		var req wire.FetchRequest
		if err := req.Parse(13, q.AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
		op := &f.fetch
		op.Split(&req, f.im, nil)
		left, minOne := int(op.MaxBytes), true
		for i := range op.Parts {
			fp := &op.Parts[i]
			fp.Apply(f.part(topic, fp.Index), left, minOne, f.pk)
			left, minOne = max(left-fp.Extent.Len, 0), minOne && fp.Extent.Len == 0
			f.load(fp)
		}
		sequential := f.join(1)

		op.Split(&req, f.im, nil)
		whole := 0
		for _, i := range r.Perm(len(op.Parts)) {
			fp := &op.Parts[i]
			fp.Apply(f.part(topic, fp.Index), int(op.MaxBytes), true, f.pk)
			whole += fp.Extent.Len
			f.load(fp)
		}
		parallel := f.join(1)
		if !bytes.Equal(sequential, parallel) {
			t.Fatalf("seed %d round %d: %d bytes in order, %d side by side", seed, round, len(sequential), len(parallel))
		}
		if len(parallel) < whole {
			trimmed++
		}
	}
	if trimmed < 50 {
		t.Errorf("only %d rounds had anything to trim", trimmed)
	}
}

func TestFetchReady(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 2, "segment.bytes", "4096")
	f.produced(produceTo(13, topic, 0, records(1, 100)))
	size := int32(f.part(topic, 0).Log.SizeBytes())
	for _, c := range []struct {
		name string
		edit func(*kmsg.FetchRequest)
		want bool
	}{
		{"enough", func(q *kmsg.FetchRequest) { q.MinBytes = size }, true},
		{"one byte short", func(q *kmsg.FetchRequest) { q.MinBytes = size + 1 }, false},
		{"no waiting", func(q *kmsg.FetchRequest) { q.MinBytes, q.MaxWaitMillis = size+1, 0 }, true},
		{"no partitions", func(q *kmsg.FetchRequest) { q.Topics = nil }, true},
		{"an error", func(q *kmsg.FetchRequest) { q.MinBytes, q.Topics[0].Partitions[1].FetchOffset = size+1, 9 }, true},
		{"an unknown partition", func(q *kmsg.FetchRequest) { q.MinBytes, q.Topics[0].Partitions[1].Partition = size+1, 9 }, true},
		{"min above max", func(q *kmsg.FetchRequest) { q.MinBytes, q.MaxBytes = size+1, size }, true},
		{"an unknown session", func(q *kmsg.FetchRequest) { q.MinBytes, q.SessionID, q.SessionEpoch = size+1, 5, 5 }, true},
	} {
		q := fetchFrom(13, topic, 2)
		q.MaxWaitMillis = 500
		c.edit(q)
		if got := f.ready(q); got != c.want {
			t.Errorf("%s: ready %v, want %v", c.name, got, c.want)
		}
	}
	for f.part(topic, 0).Log.ActiveSegment().Base == 0 {
		f.produced(produceTo(13, topic, 0, records(1, 1000)))
	}
	q := fetchFrom(13, topic, 2)
	q.MaxWaitMillis, q.MinBytes = 500, 1<<19
	if !f.ready(q) {
		t.Error("a reader in a sealed segment is made to wait for bytes that this segment will never have")
	}
}

func (f *fakeBroker) ready(q *kmsg.FetchRequest) bool {
	var req wire.FetchRequest
	if err := req.Parse(q.Version, q.AppendTo(nil)); err != nil {
		f.t.Fatal(err)
	}
	op := &f.fetch
	defer op.Reset(nil)
	op.Split(&req, f.im, f.ses)
	for i := range op.Parts {
		if fp := &op.Parts[i]; !fp.Done {
			fp.Apply(f.part(fp.Topic, fp.Index), int(op.MaxBytes), true, f.pk)
		}
	}
	return op.Ready()
}

// coldPeeker refuses the first look at every place.
type coldPeeker struct {
	seen map[string]bool
	log.FilePeeker
}

func (c *coldPeeker) Peek(s *log.Segment, pos int64, dst []byte) (int, error) {
	at := fmt.Sprint(s.Base, pos)
	if !c.seen[at] {
		c.seen[at] = true
		return 0, log.ErrCold
	}
	return c.FilePeeker.Peek(s, pos, dst)
}

func TestFetchColdIsAskedAgain(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 2)
	for range 300 { // beyond what the log remembers of recent batches
		f.produced(produceTo(13, topic, 0, records(1, 100)))
	}
	q := fetchFrom(13, topic, 2, func(p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = 1000 })
	q.MaxBytes = 1500
	var req wire.FetchRequest
	if err := req.Parse(13, q.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	f.fetch.Split(&req, f.im, nil)
	fp, pk, cold := &f.fetch.Parts[0], &coldPeeker{seen: map[string]bool{}}, 0
	for fp.Apply(f.part(topic, 0), 1500, true, pk) {
		if cold++; fp.Extent.Seg == nil || fp.Extent.Len != 0 || cold > 100 {
			t.Fatalf("cold %d times at %+v", cold, fp.Extent.Pos)
		}
	}
	if cold == 0 || fp.Extent.Len != 1000 || fp.Err != 0 {
		t.Errorf("cold %d times, then %d bytes, code %d", cold, fp.Extent.Len, fp.Err)
	}
	fp.Fail(codeStorage)
	if fp.Err != codeStorage || fp.Extent.Len != 0 || fp.HW != -1 {
		t.Errorf("after Fail: %+v", fp)
	}
	f.fetch.Reset(nil)
}

// What Join does not send is given back, whatever was trimmed.
func TestFetchReleasesWhatItDoesNotSend(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 3)
	for i := range int32(3) {
		f.produced(produceTo(13, topic, i, records(1, 1000)))
	}
	q := fetchFrom(13, topic, 3)
	q.MaxBytes = 1
	var req wire.FetchRequest
	if err := req.Parse(13, q.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	f.fetch.Split(&req, f.im, nil)
	var bufs []*iobuf.Buf
	for i := range f.fetch.Parts {
		fp := &f.fetch.Parts[i]
		fp.Apply(f.part(topic, fp.Index), int(f.fetch.MaxBytes), true, f.pk)
		f.load(fp)
		fp.Data[0].Buf.Retain()
		bufs = append(bufs, fp.Data[0].Buf)
	}
	f.join(1)
	for i, b := range bufs {
		if b.Refs() != 1 {
			t.Errorf("part %d: %d references, want ours alone", i, b.Refs())
		}
		b.Release(nil)
	}
}

func TestFetchAllocatesNothing(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 4)
	for i := range int32(4) {
		f.produced(produceTo(13, topic, i, records(1, 100)))
	}
	full := fetchFrom(13, topic, 4)
	full.SessionEpoch = 0
	id := f.ask(full).(*kmsg.FetchResponse).SessionID
	next := fetchFrom(13, topic, 4)
	next.SessionID = id
	data := make([]byte, 4096)
	for name, q := range map[string]*kmsg.FetchRequest{"no session": fetchFrom(13, topic, 4), "session": next} {
		var req wire.FetchRequest
		body, head := q.AppendTo(nil), make([]byte, 0, 1024)
		epoch := int32(0)
		n := testing.AllocsPerRun(100, func() {
			if req.Parse(13, body) != nil {
				panic("does not parse")
			}
			if req.SessionID != 0 {
				epoch++
				req.SessionEpoch = epoch
			}
			op := &f.fetch
			op.Split(&req, f.im, f.ses)
			for i := range op.Parts {
				fp := &op.Parts[i]
				fp.Apply(f.part(fp.Topic, fp.Index), int(op.MaxBytes), true, f.pk)
				fp.Data = append(fp.Data, iobuf.Piece{B: data[:fp.Extent.Len], FD: -1, Len: fp.Extent.Len})
			}
			if op.Ready(); op.code != 0 || len(op.Parts) != 4 {
				panic(fmt.Sprint(op.code, len(op.Parts)))
			}
			op.Join(f.ses, 1, head, &f.chain)
			f.chain.Reset(nil)
			op.Reset(nil)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a request", name, n)
		}
	}
}
