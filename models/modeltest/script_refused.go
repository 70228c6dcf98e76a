package modeltest

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

// refused is what a broker must not take: batches, acks, names, and frames that
// are none. After each the broker goes on, and the log is as it was.
var refused = Script{
	Name: "refused",
	Set:  []string{"message.max.bytes", "20000", "socket.request.max.bytes", "200000"},
	Lives: []func(*Tape){func(t *Tape) {
		c := t.Dial()
		topic := c.created("refused", 1)
		badBatches(c, topic)
		badRequests(c, topic)
		badFrames(t, topic)
		badSilently(t, topic)
		c.produce(13, -1, produced{topic, 0, Batch{}.Bytes()}, 0, 0) // nothing of it all has come in
	}},
}

// Bad is one batch that has something wrong with it.
type Bad struct {
	What    string
	Records []byte
	Code    int16
}

// BadBatches is every way in which a batch of a producer can be wrong.
func BadBatches() []Bad {
	field := func(at, size int, v uint64, sum bool) []byte {
		b := Batch{Records: 3}.Bytes()
		var raw [8]byte
		binary.BigEndian.PutUint64(raw[:], v)
		copy(b[at:at+size], raw[8-size:])
		if sum {
			binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
		}
		return b
	}
	good := Batch{Records: 3}.Bytes()
	invalid, corrupt := kerr.InvalidRecord.Code, kerr.CorruptMessage.Code
	return []Bad{
		{"wrong CRC", field(17, 4, 0xdeadbeef, false), corrupt},
		{"one bit of a record", flip(good, len(good)-3), corrupt},
		{"magic 0", field(16, 1, 0, false), invalid},
		{"magic 1", field(16, 1, 1, false), invalid},
		{"magic 3", field(16, 1, 3, false), invalid},
		{"unknown codec", field(21, 2, 5, true), kerr.UnsupportedCompressionType.Code},
		{"codec that the records are not in", field(21, 2, batch.CodecGzip, true), 0},
		{"more than message.max.bytes", Batch{Size: 20_001}.Bytes(), kerr.MessageTooLarge.Code},
		{"count above the records", recount(4), invalid},
		{"count below the records", recount(2), invalid},
		{"count of none", recount(0), invalid},
		{"count below zero", recount(-1), invalid},
		{"count of 2^31-1", recount(1<<31 - 1), invalid},
		{"last offset delta that is not the count", field(23, 4, 7, true), invalid},
		{"length below a header", field(8, 4, 20, false), 0},
		{"length below zero", field(8, 4, 1<<32-1, false), corrupt},
		{"length beyond the end", field(8, 4, 1<<20, false), invalid},
		{"cut in the header", good[:40], invalid},
		{"cut in the records", good[:len(good)-1], invalid},
		{"two batches", append(append([]byte(nil), good...), good...), invalid},
		{"a byte behind the batch", append(append([]byte(nil), good...), 0), invalid},
		{"empty", []byte{}, invalid},
		{"null", nil, invalid},
		{"too few bytes to say anything", good[:8], invalid},
		{"base offset", field(0, 8, 5, false), invalid},
		{"control batch", field(21, 2, 1<<5, true), invalid},
		{"log append time", field(21, 2, 1<<3, true), kerr.InvalidTimestamp.Code},
		{"transaction", Batch{Transact: true, Idempotent: true, Producer: 1}.Bytes(), kerr.TransactionalIDAuthorizationFailed.Code},
		{"producer without a sequence", field(43, 8, 9, true), invalid},
	}
}

func flip(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 4
	return b
}

// recount is a batch of three records that says it has n.
func recount(n int32) []byte {
	b := Batch{Records: 3}.Bytes()
	binary.BigEndian.PutUint32(b[23:], uint32(n-1))
	binary.BigEndian.PutUint32(b[57:], uint32(n))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func badBatches(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	for _, bad := range BadBatches() {
		for _, v := range []int16{3, 8, 13} {
			r := c.Ask(v, produceRequest(-1, produced{topic, 0, bad.Records})).(*kmsg.ProduceResponse)
			got := r.Topics[0].Partitions[0].ErrorCode
			if got == 0 || bad.Code != 0 && got != bad.Code {
				c.fatalf("%s, v%d: code %d, want %d", bad.What, v, got, bad.Code)
			}
		}
	}
	zstd := Batch{Codec: batch.CodecZstd}.Bytes()
	c.produce(6, -1, produced{topic, 0, zstd}, kerr.UnsupportedCompressionType.Code, 0)
}

func badRequests(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	good := Batch{}.Bytes()
	for _, acks := range []int16{2, -2, 1000, -32768} {
		c.produce(9, acks, produced{topic, 0, good}, kerr.InvalidRequiredAcks.Code, 0)
	}
	c.produce(9, -1, produced{topicRef{name: "nowhere"}, 0, good}, kerr.UnknownTopicOrPartition.Code, 0)
	c.produce(9, -1, produced{topic, 1, good}, kerr.UnknownTopicOrPartition.Code, 0)
	c.produce(9, -1, produced{topic, -1, good}, kerr.UnknownTopicOrPartition.Code, 0)
	c.produce(9, -1, produced{topic, 1<<31 - 1, good}, kerr.UnknownTopicOrPartition.Code, 0)
	c.produce(13, -1, produced{topicRef{id: [16]byte{1}}, 0, good}, kerr.UnknownTopicID.Code, 0)
	transaction, id := produceRequest(-1, produced{topic, 0, good}), "tx"
	transaction.TransactionID = &id
	if code := c.Ask(9, transaction).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != kerr.TransactionalIDAuthorizationFailed.Code {
		c.fatalf("a transaction: code %d", code)
	}
	for _, index := range []int32{-1, 1, 1<<31 - 1} {
		c.fetch(12, nil, fetched{topic: topic, index: index}, kerr.UnknownTopicOrPartition.Code)
		c.Ask(5, listRequest("refused", index, -1))
		c.Ask(3, epochRequest("refused", index, -1, 0))
	}
	c.Ask(6, listRequest("refused", 0, -3, -4, -5, -6, -1<<63))
	c.fetch(12, nil, fetched{topic: topic, offset: 1}, kerr.OffsetOutOfRange.Code)
	c.fetch(12, nil, fetched{topic: topic, offset: -1 << 63}, kerr.OffsetOutOfRange.Code)
}

// badFrames sends what is no request; each ends its connection, and no other.
func badFrames(t *Tape, topic topicRef) {
	t.T.Helper()
	whole := Frame(produceRequest(-1, produced{topic, 0, Batch{}.Bytes()}), 9, 1)
	cut := func(n int) []byte { // a whole frame whose body ends early
		f := append([]byte(nil), whole[:n]...)
		binary.BigEndian.PutUint32(f, uint32(n-4))
		return f
	}
	size := func(n uint32) []byte { return append(binary.BigEndian.AppendUint32(nil, n), make([]byte, 64)...) }
	for _, bad := range []struct {
		what  string
		bytes []byte
	}{
		{"negative size", size(1<<32 - 5)},
		{"size of 0", size(0)},
		{"size of a header's part", cut(4 + 7)},
		{"size above socket.request.max.bytes", size(200_001)},
		{"size of 2 GiB", size(1<<31 - 1)},
		{"body cut in the topic", cut(40)},
		{"body cut in the records", cut(len(whole) - 5)},
		{"unknown key", RawFrame(77, 0, 1, nil)},
		{"unknown key above all", RawFrame(32767, 0, 1, nil)},
		{"negative key", RawFrame(-1, 0, 1, nil)},
		{"unknown version of Produce", RawFrame(0, 14, 1, make([]byte, 50))},
		{"message sets of Produce", RawFrame(0, 2, 1, make([]byte, 50))},
		{"unknown version of Fetch", RawFrame(1, 18, 1, make([]byte, 50))},
		{"negative version of Metadata", RawFrame(3, -1, 1, make([]byte, 50))},
		{"Metadata with an array of 2^31-1 topics", RawFrame(3, 1, 1, []byte{0x7f, 0xff, 0xff, 0xff})},
		{"Fetch of nothing", RawFrame(1, 4, 1, nil)},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: broker\r\n\r\n")},
	} {
		c := t.Dial()
		c.Write(bad.bytes)
		c.Ended(bad.what)
	}
	half := t.Dial() // a client that goes away in the middle of a frame
	half.Write(whole[:len(whole)/2])
	if err := half.net.Close(); err != nil {
		t.T.Fatal(err)
	}
}

// badSilently sends errors with acks 0, which can only be told by hanging up.
func badSilently(t *Tape, topic topicRef) {
	t.T.Helper()
	for _, p := range []produced{
		{topicRef{name: "nowhere"}, 0, Batch{}.Bytes()},
		{topic, 5, Batch{}.Bytes()},
		{topic, 0, recount(9)},
		{topic, 0, Batch{}.Bytes()[:30]},
	} {
		c := t.Dial()
		c.Write(Frame(produceRequest(0, p), 9, 1))
		c.Ended("an error with acks 0")
	}
}
