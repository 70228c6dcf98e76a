package modeltest

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

const hourMs = 3600 * 1000

// compaction writes the same keys over and over, twice up to a roll, so that a
// cleaner finds one dirty segment each time and the files come out the same. Of
// most batches one record is left, of some nothing, and of the first producer's
// last batch only the header: it may still be repeated, in the next life too.
var compaction = Script{
	Name: "compaction",
	Set:  []string{"log.cleaner.backoff.ms", "20"},
	Lives: []func(*Tape){
		func(t *Tape) {
			c := t.Dial()
			topic := c.created("compacted", 1, "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0.01",
				"segment.ms", "3600000", "index.interval.bytes", "300", "segment.bytes", "1000000")
			if id, _ := c.producerID(4); id != waveProducer {
				c.fatalf("the first producer id is %d, want %d", id, waveProducer)
			}
			c.produce(9, -1, produced{topic, 0, Batch{Records: 2, Null: true}.Bytes()}, kerr.InvalidRecord.Code, 0)
			end := c.wave(topic, 0, baseMs, waveProducer, 0)
			c.compactedAbove(topic, 0, 30)
			c.drain(12, nil, fetched{topic: topic})
			id, epoch := c.producerID(4)
			end = c.wave(topic, end, baseMs+2*hourMs, id, epoch)
			c.compactedAbove(topic, 31, 80)
			readCompacted(c, topic, end)
			c.repeatLast(topic)
		},
		func(t *Tape) {
			c := t.Dial()
			topic := c.known("compacted")
			readCompacted(c, topic, 2*waveRecords)
			c.repeatLast(topic)
		},
	},
}

// waveRecords is how many records a wave has, with the one that rolls.
const waveRecords = 3*10 + 55 + 1

// wave writes three batches of ten keys, one each of the keys 0 to 9, 0 to 8 and
// so on, and a batch so much later that the log rolls. It returns the log's end.
func (c *Conn) wave(topic topicRef, at, ms, id int64, epoch int16) int64 {
	c.tape.T.Helper()
	sequence := int32(0)
	for i := range waveBatches {
		b := waveBatch(i, sequence, ms, id, epoch)
		c.produce(9, -1, produced{topic, 0, b.Bytes()}, 0, at)
		at, sequence = at+int64(b.Records), sequence+int32(b.Records)
	}
	c.produce(9, -1, produced{topic, 0, Batch{Size: 100, TsMs: ms + 2*hourMs}.Bytes()}, 0, at)
	return at + 1
}

const (
	waveBatches  = 13
	waveProducer = 0 // of the first wave
)

func waveBatch(i int, sequence int32, ms, id int64, epoch int16) Batch {
	return Batch{
		Idempotent: true, Producer: id, Epoch: epoch, Sequence: sequence, Records: min(10, waveBatches-i),
		Size: 100, Codec: i % 5, TsMs: ms + int64(i),
	}
}

// repeatLast sends the first wave's last batch again, of which the header is left.
func (c *Conn) repeatLast(topic topicRef) {
	c.tape.T.Helper()
	b := waveBatch(waveBatches-1, waveRecords-2, baseMs, waveProducer, 0)
	c.produce(9, -1, produced{topic, 0, b.Bytes()}, 0, waveRecords-2)
}

// compactedAbove waits until the first batch from offset on begins at least at base.
func (c *Conn) compactedAbove(topic topicRef, offset, base int64) {
	c.tape.T.Helper()
	c.Until(12, fetchRequest(nil, fetched{topic: topic, offset: offset}), func(r kmsg.Response) bool {
		var h batch.Header
		b := r.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches
		return batch.Parse(b, &h) == nil && h.BaseOffset >= base
	})
}

// readCompacted reads from every offset, there or not, and looks for times.
func readCompacted(c *Conn, topic topicRef, end int64) {
	c.tape.T.Helper()
	c.drain(12, nil, fetched{topic: topic})
	for offset := range end {
		c.fetch(12, nil, fetched{topic: topic, offset: offset, maxBytes: 300}, 0)
	}
	for ms := int64(-1); ms < 5*hourMs; ms += hourMs / 2 {
		c.Ask(7, listRequest(topic.name, 0, baseMs+ms))
	}
	c.list(7, topic.name, 0, -1, end)
	c.list(7, topic.name, 0, -2, 0)
}
