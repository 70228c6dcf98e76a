package api

import (
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/wire"
)

// produceTo is a request of version v to one partition.
func produceTo(v int16, topic *cluster.Topic, index int32, recs []byte) *kmsg.ProduceRequest {
	q := kmsg.NewPtrProduceRequest()
	q.Version, q.Acks, q.TimeoutMillis = v, -1, 1000
	q.Topics = []kmsg.ProduceRequestTopic{{
		Topic: topic.Name, TopicID: topic.ID,
		Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: index, Records: recs}},
	}}
	return q
}

func (f *fakeBroker) produced(q *kmsg.ProduceRequest) kmsg.ProduceResponseTopicPartition {
	f.t.Helper()
	return f.ask(q).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
}

func TestProduceRefusals(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 2, "max.message.bytes", "1000")
	nowhere := &cluster.Topic{Name: "nowhere", ID: [16]byte{9}}
	good := records(1, 10)
	edit := func(at int, b byte) []byte {
		e := records(1, 10)
		e[at] = b
		return e
	}
	txn := func(b *batch.Builder) { b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = 5, 0, 0, true }
	zstd := func() []byte {
		b := batch.NewBuilder(0, batch.CodecZstd)
		b.Append(1, nil, []byte("x"))
		return b.Close()
	}()
	for _, c := range []struct {
		name  string
		v     int16
		topic *cluster.Topic
		index int32
		recs  []byte
		want  *kerr.Error
	}{
		{"good", 3, topic, 1, good, nil},
		{"unknown name", 12, nowhere, 0, good, kerr.UnknownTopicOrPartition},
		{"unknown id", 13, nowhere, 0, good, kerr.UnknownTopicID},
		{"no such partition", 13, topic, 2, good, kerr.UnknownTopicOrPartition},
		{"negative partition", 9, topic, -1, good, kerr.UnknownTopicOrPartition},
		{"null records", 8, topic, 0, nil, kerr.InvalidRecord},
		{"empty records", 8, topic, 0, []byte{}, kerr.InvalidRecord},
		{"two batches", 8, topic, 0, append(records(1, 1), good...), kerr.InvalidRecord},
		{"truncated", 8, topic, 0, good[:len(good)-1], kerr.InvalidRecord},
		{"old format", 8, topic, 0, edit(16, 1), kerr.InvalidRecord},
		{"bad checksum", 8, topic, 0, edit(len(good)-1, 7), kerr.CorruptMessage},
		{"too large", 8, topic, 0, records(1, 1000), kerr.MessageTooLarge},
		{"transactional", 8, topic, 0, records(1, 1, txn), kerr.TransactionalIDAuthorizationFailed},
		{"zstd too early", 6, topic, 0, zstd, kerr.UnsupportedCompressionType},
		{"zstd", 7, topic, 1, zstd, nil},
	} {
		p := f.produced(produceTo(c.v, c.topic, c.index, c.recs))
		want := int16(0)
		if c.want != nil {
			want = c.want.Code
		}
		if p.ErrorCode != want {
			t.Errorf("%s: code %v, want %v", c.name, kerr.ErrorForCode(p.ErrorCode), c.want)
		}
		if want != 0 && (p.BaseOffset != -1 || p.LogStartOffset != -1 && c.v >= 5) {
			t.Errorf("%s: offsets %d %d", c.name, p.BaseOffset, p.LogStartOffset)
		}
	}
	if end := f.part(topic, 0).Log.EndOffset(); end != 0 {
		t.Errorf("what was refused left %d records", end)
	}
}

func TestProduceWholeRequestRefusals(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	for _, acks := range []int16{-2, 2, 32767} {
		q := produceTo(9, topic, 0, records(1, 1))
		q.Acks = acks
		if p := f.produced(q); p.ErrorCode != kerr.InvalidRequiredAcks.Code {
			t.Errorf("acks %d: code %d", acks, p.ErrorCode)
		}
	}
	q := produceTo(9, topic, 0, records(1, 1))
	q.TransactionID = kmsg.StringPtr("t")
	if p := f.produced(q); p.ErrorCode != kerr.TransactionalIDAuthorizationFailed.Code || p.ErrorMessage == nil || *p.ErrorMessage != noTransactions {
		t.Errorf("transactional id: %+v", p)
	}
	if end := f.part(topic, 0).Log.EndOffset(); end != 0 {
		t.Errorf("what was refused left %d records", end)
	}
}

func TestProduceAcksZero(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	q := produceTo(9, topic, 0, records(3, 1))
	q.Acks = 0
	if resp, err := f.do(q); resp != nil || err != nil || f.produce.Failed() {
		t.Errorf("got %v, %v, failed %v", resp, err, f.produce.Failed())
	}
	if end := f.part(topic, 0).Log.EndOffset(); end != 3 {
		t.Errorf("the log ends at %d, want 3", end)
	}
	q.Topics[0].Partitions[0].Partition = 7
	if _, err := f.do(q); err != nil || !f.produce.Failed() {
		t.Errorf("an unknown partition: %v, failed %v; the connection has to be closed", err, f.produce.Failed())
	}
}

func TestProduceOffsetsAndDuplicates(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	idempotent := func(seq int32) func(*batch.Builder) {
		return func(b *batch.Builder) { b.ProducerID, b.ProducerEpoch, b.BaseSequence = 42, 0, seq }
	}
	for _, c := range []struct {
		seq, n int32
		base   int64
		code   int16
	}{{0, 3, 0, 0}, {3, 2, 3, 0}, {0, 3, 0, 0}, {3, 2, 3, 0}, {9, 1, -1, kerr.OutOfOrderSequenceNumber.Code}, {5, 1, 5, 0}} {
		p := f.produced(produceTo(13, topic, 0, records(int(c.n), 5, idempotent(c.seq))))
		if p.BaseOffset != c.base || p.ErrorCode != c.code {
			t.Errorf("sequence %d: offset %d code %d, want %d and %d", c.seq, p.BaseOffset, p.ErrorCode, c.base, c.code)
		}
	}
	if end := f.part(topic, 0).Log.EndOffset(); end != 6 {
		t.Errorf("the log ends at %d, want 6", end)
	}
}

// A part is not done before the high watermark is where it must be, and a
// duplicate is no exception: what it repeats may not be durable yet.
func TestProduceWaitsForTheHighWatermark(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	p := f.part(topic, 0)
	recs := func() []byte {
		return records(2, 5, func(b *batch.Builder) { b.ProducerID, b.ProducerEpoch, b.BaseSequence = 7, 0, 0 })
	}
	var first, again Produce
	first.Env, again.Env = f.env, f.env
	if got := splitOne(t, &first, f, topic, recs()).Apply(p, &f.check, f.nowMs); got != log.Write {
		t.Fatalf("verdict %v, want %v", got, log.Write)
	}
	pp := &first.Parts[0]
	if _, err := pp.Append.Seg.File.WriteAt(pp.Records, pp.Append.Pos); err != nil {
		t.Fatal(err)
	}
	p.Log.Commit(&pp.Append)
	dup := splitOne(t, &again, f, topic, recs())
	if v := dup.Apply(p, &f.check, f.nowMs); v != log.Duplicate || dup.NeedOffset != 2 || dup.BaseOffset != 0 || dup.Done {
		t.Fatalf("duplicate: %v need %d base %d done %v", v, dup.NeedOffset, dup.BaseOffset, dup.Done)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("acknowledged below the high watermark")
			}
		}()
		dup.Finish(p, 0)
	}()
	p.Durable(p.Log.EndMark())
	pp.Finish(p, 0)
	dup.Finish(p, 0)
	if !pp.Done || !dup.Done || pp.Err != 0 || dup.Err != 0 {
		t.Errorf("done %v %v, codes %d %d", pp.Done, dup.Done, pp.Err, dup.Err)
	}
}

// splitOne splits a request to partition 0 and checks its part.
func splitOne(t *testing.T, op *Produce, f *fakeBroker, topic *cluster.Topic, recs []byte) *ProducePart {
	t.Helper()
	var req wire.ProduceRequest
	if err := req.Parse(13, produceTo(13, topic, 0, recs).AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	op.Split(&req, f.im)
	op.Parts[0].Check(0)
	return &op.Parts[0]
}

func TestProduceStorageErrorStays(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 2)
	f.part(topic, 1).Fail()
	if p := f.produced(produceTo(9, topic, 1, records(1, 1))); p.ErrorCode != kerr.KafkaStorageError.Code {
		t.Errorf("code %d", p.ErrorCode)
	}
	if p := f.produced(produceTo(9, topic, 0, records(1, 1))); p.ErrorCode != 0 {
		t.Errorf("the other partition: code %d", p.ErrorCode)
	}
}

func TestProduceSaysWhereTheLeaderIs(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	delete(f.parts, log.TP{Topic: "t"})
	for v := int16(3); v <= 13; v++ {
		resp := f.ask(produceTo(v, topic, 0, records(1, 1))).(*kmsg.ProduceResponse)
		p := resp.Topics[0].Partitions[0]
		if p.ErrorCode != kerr.NotLeaderForPartition.Code {
			t.Errorf("v%d: code %d", v, p.ErrorCode)
		}
		told := len(resp.Brokers) == 1 && resp.Brokers[0].Port == 9092 && p.CurrentLeader.LeaderID == 1
		if told != (v >= 10) {
			t.Errorf("v%d: leader %+v, nodes %+v", v, p.CurrentLeader, resp.Brokers)
		}
	}
}

// A partition that was opened for another topic of the same name is not the one
// that the client means.
func TestProduceToARecreatedTopic(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	f.part(topic, 0).ID = [16]byte{1, 2, 3}
	if p := f.produced(produceTo(13, topic, 0, records(1, 1))); p.ErrorCode != kerr.UnknownTopicID.Code {
		t.Errorf("by id: code %d", p.ErrorCode)
	}
	if p := f.produced(produceTo(12, topic, 0, records(1, 1))); p.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("by name: code %d", p.ErrorCode)
	}
}

func TestProduceAllocatesNothing(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 4)
	q := produceTo(13, topic, 0, records(10, 100))
	for i := int32(1); i < 4; i++ {
		q.Topics[0].Partitions = append(q.Topics[0].Partitions, kmsg.ProduceRequestTopicPartition{Partition: i, Records: records(10, 100)})
	}
	body := q.AppendTo(nil)
	var req wire.ProduceRequest
	dst := make([]byte, 0, 1024)
	n := testing.AllocsPerRun(100, func() {
		if req.Parse(13, body) != nil {
			panic("does not parse")
		}
		op := &f.produce
		op.Split(&req, f.im)
		for i := range op.Parts {
			pp := &op.Parts[i]
			binary.BigEndian.PutUint64(pp.Records, 0) // as it came from the client
			pp.Check(0)
			p := f.part(pp.Topic, pp.Index)
			if pp.Apply(p, &f.check, f.nowMs) != log.Write {
				panic(pp.ErrMsg)
			}
			p.Log.Commit(&pp.Append)
			p.Durable(p.Log.EndMark())
			pp.Finish(p, 0)
		}
		op.AppendResponse(dst, 1)
		op.Reset()
	})
	if n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}
