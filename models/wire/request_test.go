package wire

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// seed makes the random requests below the same in every run.
const seed = 20261121

func randomBytes(r *rand.Rand, most int) []byte {
	b := make([]byte, r.IntN(most+1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomID(r *rand.Rand) (id [16]byte) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return id
}

func randomTags(r *rand.Rand) (tags kmsg.Tags) {
	for n := r.IntN(3); n > 0; n-- {
		tags.Set(uint32(100+r.IntN(1000)), randomBytes(r, 200))
	}
	return tags
}

func randomProduce(r *rand.Rand, version int16) *kmsg.ProduceRequest {
	q := kmsg.NewPtrProduceRequest()
	q.Version, q.Acks, q.TimeoutMillis = version, int16(r.Uint32()), int32(r.Uint32())
	q.UnknownTags = randomTags(r)
	if r.IntN(2) == 0 {
		q.TransactionID = kmsg.StringPtr(string(randomBytes(r, 3)))
	}
	for n := r.IntN(4); n > 0; n-- {
		t := kmsg.NewProduceRequestTopic()
		t.Topic, t.TopicID, t.UnknownTags = string(randomBytes(r, 200)), randomID(r), randomTags(r)
		for n := r.IntN(4); n > 0; n-- {
			p := kmsg.NewProduceRequestTopicPartition()
			p.Partition, p.UnknownTags = int32(r.Uint32()), randomTags(r)
			if r.IntN(4) > 0 {
				p.Records = randomBytes(r, 300)
			}
			t.Partitions = append(t.Partitions, p)
		}
		q.Topics = append(q.Topics, t)
	}
	return q
}

// describeProduce writes a request as kmsg or as the view has it, in one form.
func describeProduce(q *kmsg.ProduceRequest) (out []string) {
	out = append(out, fmt.Sprintf("%s acks %d timeout %d", describeNullable(q.TransactionID), q.Acks, q.TimeoutMillis))
	for _, t := range q.Topics {
		name, id := t.Topic, t.TopicID
		if q.Version >= 13 {
			name = ""
		} else {
			id = [16]byte{}
		}
		out = append(out, fmt.Sprintf("topic %q %x parts %d", name, id, len(t.Partitions)))
		for _, p := range t.Partitions {
			out = append(out, fmt.Sprintf("%d null %v %x", p.Partition, p.Records == nil, p.Records))
		}
	}
	return out
}

func describeNullable(s *string) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *s)
}

func (q *ProduceRequest) describe() (out []string) {
	txn := "null"
	if q.TransactionalID != nil {
		txn = fmt.Sprintf("%q", q.TransactionalID)
	}
	out = append(out, fmt.Sprintf("%s acks %d timeout %d", txn, q.Acks, q.TimeoutMs))
	at := 0
	for i, t := range q.Topics {
		out = append(out, fmt.Sprintf("topic %q %x parts %d", t.Name, t.ID, t.Parts))
		for range t.Parts {
			p := q.Parts[at]
			at++
			if int(p.Topic) != i {
				out = append(out, fmt.Sprintf("part of topic %d, want %d", p.Topic, i))
			}
			out = append(out, fmt.Sprintf("%d null %v %x", p.Index, p.Records == nil, p.Records))
		}
	}
	return out
}

func TestProduceViewIsWhatKmsgWrote(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 1))
	var view ProduceRequest // reused, as a connection does
	for v := ProduceMin; v <= ProduceMax; v++ {
		for range 60 {
			q := randomProduce(r, v)
			body := q.AppendTo(nil)
			if err := view.Parse(v, body); err != nil {
				t.Fatalf("seed %d v%d: %v", seed, v, err)
			}
			if d := cmp.Diff(describeProduce(q), view.describe()); d != "" {
				t.Fatalf("seed %d v%d: -kmsg +view\n%s", seed, v, d)
			}
			for cut := range body {
				if err := view.Parse(v, body[:cut:cut]); err == nil {
					t.Fatalf("seed %d v%d: cut at %d of %d without an error", seed, v, cut, len(body))
				}
			}
		}
	}
}

func randomFetch(r *rand.Rand, version int16) *kmsg.FetchRequest {
	q := kmsg.NewPtrFetchRequest()
	q.Version, q.ReplicaID, q.MaxWaitMillis = version, int32(r.Uint32()), int32(r.Uint32())
	q.MinBytes, q.MaxBytes, q.IsolationLevel = int32(r.Uint32()), int32(r.Uint32()), int8(r.IntN(2))
	q.SessionID, q.SessionEpoch, q.Rack = int32(r.Uint32()), int32(r.Uint32()), string(randomBytes(r, 5))
	q.UnknownTags = randomTags(r)
	if r.IntN(2) == 0 {
		q.ClusterID = kmsg.StringPtr(string(randomBytes(r, 9)))
	}
	if r.IntN(2) == 0 {
		q.ReplicaState.ID, q.ReplicaState.Epoch = int32(r.IntN(100)), int64(r.Uint64())
	}
	for n := r.IntN(4); n > 0; n-- {
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID, t.UnknownTags = string(randomBytes(r, 200)), randomID(r), randomTags(r)
		for n := r.IntN(4); n > 0; n-- {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.CurrentLeaderEpoch, p.FetchOffset = int32(r.Uint32()), int32(r.Uint32()), int64(r.Uint64())
			p.LastFetchedEpoch, p.LogStartOffset, p.PartitionMaxBytes = int32(r.Uint32()), int64(r.Uint64()), int32(r.Uint32())
			p.UnknownTags = randomTags(r)
			if r.IntN(3) == 0 {
				p.ReplicaDirectoryID = randomID(r)
			}
			t.Partitions = append(t.Partitions, p)
		}
		q.Topics = append(q.Topics, t)
	}
	for n := r.IntN(3); n > 0; n-- {
		t := kmsg.NewFetchRequestForgottenTopic()
		t.Topic, t.TopicID, t.UnknownTags = string(randomBytes(r, 20)), randomID(r), randomTags(r)
		for n := r.IntN(4); n > 0; n-- {
			t.Partitions = append(t.Partitions, int32(r.Uint32()))
		}
		q.ForgottenTopics = append(q.ForgottenTopics, t)
	}
	return q
}

// expectFetch is the view that a request of kmsg should give.
func expectFetch(q *kmsg.FetchRequest) *FetchRequest {
	v := q.Version
	w := &FetchRequest{
		Version: v, ReplicaID: q.ReplicaID, ReplicaEpoch: -1, MaxWaitMs: q.MaxWaitMillis, MinBytes: q.MinBytes, MaxBytes: q.MaxBytes,
		ReadCommitted: q.IsolationLevel == 1, SessionEpoch: -1,
	}
	since := func(first int16, f func()) {
		if v >= first {
			f()
		}
	}
	since(7, func() { w.SessionID, w.SessionEpoch = q.SessionID, q.SessionEpoch })
	since(11, func() { w.Rack = []byte(q.Rack) })
	since(15, func() { w.ReplicaID, w.ReplicaEpoch = -1, -1 })
	since(12, func() {
		if q.ClusterID != nil {
			w.ClusterID = []byte(*q.ClusterID)
		}
		if q.ReplicaState.ID != -1 || q.ReplicaState.Epoch != -1 {
			w.ReplicaID, w.ReplicaEpoch = q.ReplicaState.ID, q.ReplicaState.Epoch
		}
	})
	topic := func(name string, id [16]byte, n int) (t FetchTopic) {
		if t.Parts = n; v >= 13 {
			t.ID = id
		} else {
			t.Name = []byte(name)
		}
		return t
	}
	for i, t := range q.Topics {
		w.Topics = append(w.Topics, topic(t.Topic, t.TopicID, len(t.Partitions)))
		for _, p := range t.Partitions {
			x := FetchPart{Topic: int32(i), Index: p.Partition, CurrentEpoch: -1, Offset: p.FetchOffset, LastFetchedEpoch: -1, LogStart: -1, MaxBytes: p.PartitionMaxBytes}
			since(9, func() { x.CurrentEpoch = p.CurrentLeaderEpoch })
			since(12, func() { x.LastFetchedEpoch = p.LastFetchedEpoch })
			since(5, func() { x.LogStart = p.LogStartOffset })
			w.Parts = append(w.Parts, x)
		}
	}
	since(7, func() {
		for i, t := range q.ForgottenTopics {
			w.Forgotten = append(w.Forgotten, topic(t.Topic, t.TopicID, len(t.Partitions)))
			for _, p := range t.Partitions {
				w.ForgottenPart = append(w.ForgottenPart, ForgottenPart{Topic: int32(i), Index: p})
			}
		}
	})
	return w
}

// normal is a copy in which slices without elements are nil.
func (q *FetchRequest) normal() *FetchRequest {
	w := *q
	w.Topics, w.Parts = append([]FetchTopic(nil), q.Topics...), append([]FetchPart(nil), q.Parts...)
	w.Forgotten, w.ForgottenPart = append([]FetchTopic(nil), q.Forgotten...), append([]ForgottenPart(nil), q.ForgottenPart...)
	return &w
}

func TestFetchViewIsWhatKmsgWrote(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 2))
	var view FetchRequest
	for v := FetchMin; v <= FetchMax; v++ {
		for range 60 {
			q := randomFetch(r, v)
			body := q.AppendTo(nil)
			if err := view.Parse(v, body); err != nil {
				t.Fatalf("seed %d v%d: %v", seed, v, err)
			}
			if d := cmp.Diff(expectFetch(q), view.normal(), cmpopts.IgnoreUnexported(FetchRequest{})); d != "" {
				t.Fatalf("seed %d v%d: -kmsg +view\n%s", seed, v, d)
			}
			for cut := range body {
				if err := view.Parse(v, body[:cut:cut]); err == nil {
					t.Fatalf("seed %d v%d: cut at %d of %d without an error", seed, v, cut, len(body))
				}
			}
		}
	}
}

// A count that the rest of the body cannot hold is refused before anything is
// made room for.
func TestForgedCounts(t *testing.T) {
	var p ProduceRequest
	for _, body := range []string{
		"\xff\xff\x00\x01\x00\x00\x00\x00\x7f\xff\xff\xff",                                                          // topics
		"\xff\xff\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01a\x7f\xff\xff\xff",                                 // partitions
		"\xff\xff\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff",                                                          // null
		"\xff\xff\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01a\x00\x00\x00\x01\x00\x00\x00\x00\x7f\xff\xff\xff", // records
	} {
		if err := p.Parse(3, []byte(body)); err == nil {
			t.Errorf("%q: no error", body)
		}
		if cap(p.Topics) > 16 || cap(p.Parts) > 16 {
			t.Errorf("%q: made room for %d topics and %d parts", body, cap(p.Topics), cap(p.Parts))
		}
	}
	for _, v := range []int16{0, 2, 14, -1} {
		if err := p.Parse(v, nil); err == nil {
			t.Errorf("Produce v%d: no error", v)
		}
	}
	var f FetchRequest
	for _, v := range []int16{0, 3, 18, -1} {
		if err := f.Parse(v, nil); err == nil {
			t.Errorf("Fetch v%d: no error", v)
		}
	}
}

func TestViewsAllocateNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 3))
	var p ProduceRequest
	var f FetchRequest
	var h Header
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("me")).AppendRequest(nil, randomProduce(r, 13), 1)[SizeLen:]
	for v := ProduceMin; v <= FetchMax; v++ {
		produce, fetch := randomProduce(r, min(v, ProduceMax)).AppendTo(nil), randomFetch(r, max(v, FetchMin)).AppendTo(nil)
		n := testing.AllocsPerRun(20, func() {
			if ParseHeader(frame, &h) != nil || p.Parse(min(v, ProduceMax), produce) != nil || f.Parse(max(v, FetchMin), fetch) != nil {
				panic("does not parse")
			}
		})
		if n != 0 {
			t.Errorf("v%d: %v allocations", v, n)
		}
	}
}
