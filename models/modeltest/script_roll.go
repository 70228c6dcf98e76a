package modeltest

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// smallSegment is the least that segment.bytes can be.
const smallSegment = 4096

// rolling writes many small segments, reads them while they are in memory and,
// in the second life, when they are not, and looks for times in them.
var rolling = Script{Name: "rolling", Lives: []func(*Tape){
	func(t *Tape) {
		c := t.Dial()
		small := c.created("small", 3, "segment.bytes", strconv.Itoa(smallSegment), "index.interval.bytes", "500")
		large := c.created("large", 1)
		id, epoch := c.producerID(4)
		at := int64(0)
		for i := range int32(120) { // up to nearly a segment
			b := Batch{
				Idempotent: true, Producer: id, Epoch: epoch, Sequence: int32(at), Records: 1 + int(i%4),
				Size: 50 + int(i*i%900), Codec: int(i % 5), TsMs: baseMs + 1000*int64(i/2*2) - 300*int64(i%7),
			}
			c.produce(9, -1, produced{small, 0, b.Bytes()}, 0, at)
			at += int64(b.Records)
		}
		tooLarge := Batch{Idempotent: true, Producer: id, Epoch: epoch, Sequence: int32(at), Size: smallSegment}
		c.produce(9, -1, produced{small, 0, tooLarge.Bytes()}, kerr.RecordListTooLarge.Code, 0)
		var many []produced
		for i := range int32(30) {
			many = append(many, produced{small, 1 + i%2, Batch{Size: 2000}.Bytes()})
		}
		for i := range 10 {
			c.Ask(9, produceRequest(-1, many[3*i], many[3*i+1]))
		}
		for i := range int64(60) {
			c.produce(9, -1, produced{large, 0, Batch{Size: 20_000, TsMs: baseMs + i*1000}.Bytes()}, 0, i)
		}
		readRolled(c, small, large, at)
	},
	func(t *Tape) {
		c := t.Dial()
		small, large := c.known("small"), c.known("large")
		readRolled(c, small, large, 300)
		c.produce(9, -1, produced{small, 0, Batch{Size: 3000}.Bytes()}, 0, 300)
		c.produce(9, -1, produced{small, 0, Batch{Size: 3000}.Bytes()}, 0, 301)
		c.drain(13, nil, fetched{topic: small, offset: 280})
	},
}}

// readRolled reads forward with several appetites, at random and by time.
func readRolled(c *Conn, small, large topicRef, end int64) {
	c.tape.T.Helper()
	for _, most := range []int32{100, 3000, 1 << 20} {
		n := 0
		for _, h := range c.drain(12, nil, fetched{topic: small, maxBytes: most}) {
			n += int(h.Count)
		}
		if int64(n) != end {
			c.fatalf("%d records with %d bytes at a time, want %d", n, most, end)
		}
		c.drain(12, nil, fetched{topic: small, index: 1, maxBytes: most})
		c.drain(12, &fetchLimits{maxBytes: 150_000, sessionEpoch: -1}, fetched{topic: large, maxBytes: most})
	}
	for offset := int64(0); offset < end; offset += 7 {
		c.fetch(12, nil, fetched{topic: small, offset: end - 1 - offset, maxBytes: 2500}, 0)
	}
	for offset := range int64(60) {
		c.fetch(12, nil, fetched{topic: large, offset: offset * 37 % 60, maxBytes: 30_000}, 0)
	}
	for ms := int64(-5000); ms < 125_000; ms += 2700 {
		c.Ask(7, listRequest("small", 0, baseMs+ms))
	}
	c.Ask(7, listRequest("small", 0, -3))
	c.list(7, "large", 0, baseMs+30_000, 30)
	c.list(7, "large", 0, -3, 59)
	// Waiting adds nothing where the answer is in an older segment.
	c.Ask(12, fetchRequest(&fetchLimits{waitMs: 15_000, minBytes: 1 << 20, sessionEpoch: -1}, fetched{topic: small, offset: 3}))
}

// retention lets segments go by size and by age.
var retention = Script{
	Name: "retention",
	Set:  []string{"log.retention.check.interval.ms", "20", "log.segment.delete.delay.ms", "0"},
	Lives: []func(*Tape){
		func(t *Tape) {
			c := t.Dial()
			size := c.created("size", 2, "segment.bytes", strconv.Itoa(smallSegment), "retention.ms", "-1", "retention.bytes", "9000")
			fill(c, size, 20)
			c.goneBelow("size", 0, 14) // as long as what is left reaches the size
			age := c.created("age", 1, "segment.bytes", strconv.Itoa(smallSegment), "retention.ms", "60000")
			fill(c, age, 9)
			c.goneBelow("age", 0, 9) // all of it is old, the active segment too
			c.produce(9, -1, produced{age, 0, Batch{Size: 1500, TsMs: baseMs * 2}.Bytes()}, kerr.InvalidTimestamp.Code, 0)
			c.fetch(12, nil, fetched{topic: size, offset: 2}, kerr.OffsetOutOfRange.Code)
			c.drain(12, nil, fetched{topic: size, offset: 14})
		},
		func(t *Tape) {
			c := t.Dial()
			c.goneBelow("size", 0, 14)
			c.goneBelow("age", 0, 9)
			c.drain(12, nil, fetched{topic: c.known("size"), offset: 14})
		},
	},
}

func fill(c *Conn, topic topicRef, n int64) {
	c.tape.T.Helper()
	for i := range n {
		// Version 3 does not tell the log's start, which moves meanwhile.
		c.produce(3, -1, produced{topic, 0, Batch{Size: 1500}.Bytes()}, 0, i)
	}
}

// goneBelow waits until retention has moved the log's start.
func (c *Conn) goneBelow(topic string, index int32, start int64) {
	c.tape.T.Helper()
	c.Until(7, listRequest(topic, index, -2), func(r kmsg.Response) bool {
		return r.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].Offset >= start
	})
	c.list(7, topic, index, -2, start)
}
