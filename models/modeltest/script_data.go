package modeltest

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

// data goes through every version of Produce, Fetch and the questions about
// offsets, with every codec, over several partitions and two lives.
var data = Script{Name: "data", Lives: []func(*Tape){
	func(t *Tape) {
		c := t.Dial()
		topic := c.created("data", 4)
		produceVersions(c, topic)
		produceCodecs(c, topic)
		produceSilently(c, topic)
		produceTogether(c, topic)
		readVersions(c, topic)
	},
	func(t *Tape) { // the same answers from what was recovered
		c := t.Dial()
		topic := c.known("data")
		readVersions(c, topic)
		c.produce(13, -1, produced{topic, 0, Batch{Records: 2}.Bytes()}, 0, 11)
		r := c.Ask(4, epochRequest(topic.name, 0, -1, 0)).(*kmsg.OffsetForLeaderEpochResponse)
		if end := r.Topics[0].Partitions[0].EndOffset; end != 13 {
			c.fatalf("epoch 0 ends at %d, want 13: a clean stop begins no epoch", end)
		}
		readVersions(c, topic)
	},
}}

// produceVersions appends one record to partition 0 in every version.
func produceVersions(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	for v := int16(3); v <= 13; v++ {
		acks := []int16{1, -1}[v%2]
		c.produce(v, acks, produced{topic, 0, Batch{Tag: "v"}.Bytes()}, 0, int64(v-3))
	}
}

// produceCodecs fills partition 1 with every codec, and partition 2 with
// batches of many sizes.
func produceCodecs(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	at := int64(0)
	for codec := batch.CodecNone; codec <= batch.CodecZstd; codec++ {
		for _, records := range []int{1, 10, 100} {
			b := Batch{Codec: codec, Records: records, Size: 50, Null: records == 10, TsMs: baseMs + at*1000}
			c.produce(9, -1, produced{topic, 1, b.Bytes()}, 0, at)
			at += int64(records)
		}
	}
	for i, size := range []int{1, 3950, 4096, 65536 - 100, 65536, 100_000, 700_000, 10} {
		c.produce(9, -1, produced{topic, 2, Batch{Size: size}.Bytes()}, 0, int64(i))
	}
}

// produceSilently asks for no acknowledgement and sees the effect in the next
// request of the same connection.
func produceSilently(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	p := produced{topic, 3, Batch{Records: 3}.Bytes()}
	for range 5 {
		c.Tell(9, produceRequest(0, p))
	}
	c.produce(9, 1, p, 0, 15)
}

// produceTogether appends to every partition in one request, one of which is
// refused and one unknown.
func produceTogether(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	bad := Batch{}.Bytes()
	bad[20]++ // the CRC
	all := produceRequest(-1,
		produced{topic, 3, Batch{Records: 2}.Bytes()},
		produced{topic, 1, bad},
		produced{topic, 2, Batch{Records: 4}.Bytes()},
		produced{topic, 9, Batch{}.Bytes()},
		produced{topicRef{name: "nowhere"}, 0, Batch{}.Bytes()})
	r := c.Ask(9, all).(*kmsg.ProduceResponse)
	want := []int16{0, kerr.CorruptMessage.Code, 0, kerr.UnknownTopicOrPartition.Code}
	for i, code := range want {
		if got := r.Topics[0].Partitions[i].ErrorCode; got != code {
			c.fatalf("part %d of a mixed request: code %d, want %d", i, got, code)
		}
	}
}

// readVersions reads everything in every version that there is.
func readVersions(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	for v := int16(4); v <= 17; v++ {
		for index := range int32(4) {
			c.drain(v, nil, fetched{topic: topic, index: index})
			c.drain(v, &fetchLimits{isolation: 1}, fetched{topic: topic, index: index, maxBytes: 5000, epoch: 1})
		}
		c.Ask(v, fetchRequest(nil, fetched{topic: topic, index: 3, offset: 1}, fetched{topic: topic, index: 0, offset: 5},
			fetched{topic: topic, index: 2}, fetched{topic: topic, index: 1, offset: 12}))
	}
	for offset := range int64(20) { // from the middle of batches too
		c.fetch(13, nil, fetched{topic: topic, index: 1, offset: offset, maxBytes: 300}, 0)
	}
	c.fetch(12, nil, fetched{topic: topic, index: 0, offset: 14}, kerr.OffsetOutOfRange.Code)
	c.fetch(12, nil, fetched{topic: topic, index: 0, offset: -1}, kerr.OffsetOutOfRange.Code)
	c.fetch(12, nil, fetched{topic: topic, index: 4}, kerr.UnknownTopicOrPartition.Code)
	c.fetch(12, nil, fetched{topic: topic, index: -1}, kerr.UnknownTopicOrPartition.Code)
	c.fetch(12, nil, fetched{topic: topic, index: 0, epoch: 8}, kerr.UnknownLeaderEpoch.Code)
	c.fetch(12, nil, fetched{topic: topicRef{name: "nowhere"}}, kerr.UnknownTopicOrPartition.Code)
	c.fetch(13, nil, fetched{topic: topicRef{id: [16]byte{1}}}, kerr.UnknownTopicID.Code)
	for v := int16(1); v <= 10; v++ {
		c.Ask(v, listRequest(topic.name, 1, -1))
		c.Ask(v, listRequest(topic.name, 1, -2))
		c.Ask(v, listRequest(topic.name, 1, baseMs+112_000))
		if v >= 7 {
			c.Ask(v, listRequest(topic.name, 1, -3))
		}
		c.Ask(v, listRequest(topic.name, 9, -1))
	}
	c.list(10, topic.name, 1, -1, 555)
	c.list(10, topic.name, 1, -2, 0)
	c.list(10, topic.name, 1, baseMs+112_004, 116)
	for v := int16(2); v <= 4; v++ {
		c.Ask(v, epochRequest(topic.name, 0, -1, 0))
		c.Ask(v, epochRequest(topic.name, 0, 0, 3))
		c.Ask(v, epochRequest(topic.name, 7, -1, 0))
	}
}

func epochRequest(topic string, index, current, epoch int32) *kmsg.OffsetForLeaderEpochRequest {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = index, current, epoch
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}
	req.Topics = append(req.Topics, t)
	return req
}
