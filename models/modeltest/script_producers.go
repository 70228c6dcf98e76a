package modeltest

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// producers is idempotence: repeats, gaps, epochs, and what a restart
// remembers of them.
var producers = Script{Name: "producers", Lives: []func(*Tape){
	func(t *Tape) {
		c := t.Dial()
		topic := c.created("idem", 2)
		for v := int16(0); v <= 5; v++ {
			c.producerID(v)
		}
		id, epoch := c.producerID(4)
		send := func(index, seq int32, epoch int16, records int, code int16, base int64) {
			t.T.Helper()
			b := Batch{Idempotent: true, Producer: id, Epoch: epoch, Sequence: seq, Records: records}
			c.produce(9, -1, produced{topic, index, b.Bytes()}, code, base)
		}
		for i := range int32(7) { // 0-2, 3-5, ... 18-20
			send(0, 3*i, epoch, 3, 0, int64(3*i))
		}
		send(0, 18, epoch, 3, 0, 18) // the last five are known again, at their own offsets
		send(0, 6, epoch, 3, 0, 6)
		send(0, 3, epoch, 3, kerr.OutOfOrderSequenceNumber.Code, 0)
		send(0, 18, epoch, 2, kerr.OutOfOrderSequenceNumber.Code, 0)
		send(0, 22, epoch, 1, kerr.OutOfOrderSequenceNumber.Code, 0)
		send(0, 21, epoch, 1, 0, 21)
		send(1, 40, epoch, 2, 0, 0) // a past that nobody remembers may begin anywhere
		send(1, 40, epoch, 2, 0, 0)
		send(1, 42, epoch+1, 1, kerr.OutOfOrderSequenceNumber.Code, 0)
		send(1, 0, epoch+1, 1, 0, 2)
		send(1, 43, epoch, 1, kerr.InvalidProducerEpoch.Code, 0)
		send(1, 1, epoch+1, 1, 0, 3)
		pipelined(c, topic, id)
	},
	func(t *Tape) {
		c := t.Dial()
		topic := c.known("idem")
		id, _ := c.producerID(4)
		if id <= 6 { // the seventh id of the first life
			c.fatalf("producer id %d was given before", id)
		}
		// A snapshot has a producer's last batch alone, as Kafka's has.
		again := Batch{Idempotent: true, Producer: 6, Sequence: 21}
		c.produce(9, -1, produced{topic, 0, again.Bytes()}, 0, 21)
		again.Sequence = 18
		c.produce(9, -1, produced{topic, 0, again.Bytes()}, kerr.OutOfOrderSequenceNumber.Code, 0)
		again.Sequence = 23
		c.produce(9, -1, produced{topic, 0, again.Bytes()}, kerr.OutOfOrderSequenceNumber.Code, 0)
		again.Sequence = 22
		c.produce(9, -1, produced{topic, 0, again.Bytes()}, 0, 22)
		c.drain(12, nil, fetched{topic: topic})
		c.drain(12, nil, fetched{topic: topic, index: 1})
	},
}}

// pipelined sends a run of batches, a repeat of each and a gap, without waiting
// for answers.
func pipelined(c *Conn, topic topicRef, id int64) {
	c.tape.T.Helper()
	const n = 20
	for i := range int32(n) {
		b := Batch{Idempotent: true, Producer: id, Epoch: 1, Sequence: 2 + i, Size: 1000}.Bytes()
		c.Send(9, produceRequest(-1, produced{topic, 1, b}))
		c.Send(9, produceRequest(-1, produced{topic, 1, b}))
	}
	c.Send(9, produceRequest(-1, produced{topic, 1, Batch{Idempotent: true, Producer: id, Epoch: 1, Sequence: 99}.Bytes()}))
	for i := range int64(n) {
		for range 2 {
			if p := c.Answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.BaseOffset != 4+i {
				c.fatalf("batch %d: code %d at %d, want offset %d", i, p.ErrorCode, p.BaseOffset, 4+i)
			}
		}
	}
	if p := c.Answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != kerr.OutOfOrderSequenceNumber.Code {
		c.fatalf("a gap: code %d", p.ErrorCode)
	}
}

// producerID asks for the next producer id.
func (c *Conn) producerID(version int16) (int64, int16) {
	c.tape.T.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = 1000, -1, -1
	r := c.Ask(version, req).(*kmsg.InitProducerIDResponse)
	if r.ErrorCode != 0 {
		c.fatalf("InitProducerId: code %d", r.ErrorCode)
	}
	return r.ProducerID, r.ProducerEpoch
}
