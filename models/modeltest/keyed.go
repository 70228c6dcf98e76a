package modeltest

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
)

// Keyed is a producer to a compacted topic of one partition that writes the same
// few keys over and over, one request at a time. It knows for each key what was
// acknowledged last; compaction may take what came before, and nothing else.
type Keyed struct {
	acked  atomic.Int64
	next   int64         // number of the next batch; none is sent twice
	latest map[int]int64 // by key: the number of the last acknowledged batch that has it
}

const (
	keyedTopic = "keyed"
	keyedKeys  = 10
	keyedStep  = 100 // ms between two batches, so that a record's time names its batch
)

// Prepare makes the topic.
func (k *Keyed) Prepare(t testing.TB, addr string, configs ...string) {
	t.Helper()
	tape := &Tape{T: t, Addr: addr}
	defer tape.Close()
	tape.Dial().created(keyedTopic, 1, append([]string{"cleanup.policy", "compact"}, configs...)...)
	k.latest = map[int]int64{}
}

// Acked is how many batches were acknowledged so far. Any thread.
func (k *Keyed) Acked() int64 { return k.acked.Load() }

// Run sends until the broker goes away, and says why it ended.
func (k *Keyed) Run(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	for {
		n := k.next
		k.next++
		b := Batch{Records: keyedRecords(n), Size: 300, TsMs: baseMs + n*keyedStep}
		req := produceRequest(-1, produced{topicRef{name: keyedTopic}, 0, b.Bytes()})
		if _, err := conn.Write(Frame(req, 9, int32(n))); err != nil {
			return err
		}
		if _, err := acknowledged(conn, int32(n)); err != nil {
			return err
		}
		for key := range b.Records {
			k.latest[key] = n
		}
		k.acked.Add(1)
	}
}

func keyedRecords(n int64) int { return 1 + int(n*7%keyedKeys) }

// Verify reads the whole topic and fails the test unless every key has what was
// acknowledged last of it, or what was sent after that and not answered.
func (k *Keyed) Verify(t testing.TB, addr string) {
	t.Helper()
	tape := &Tape{T: t, Addr: addr}
	defer tape.Close()
	c := tape.Dial()
	found := map[int]int64{}
	var v batch.Validator
	for part := (fetched{topic: topicRef{name: keyedTopic}}); ; {
		got := c.fetch(12, nil, part, 0)
		tape.Lines = nil
		if part.offset >= got.HighWatermark {
			break
		}
		before := part.offset
		for b := got.RecordBatches; len(b) >= batch.HeaderLen; {
			var h batch.Header
			if err := batch.Parse(b, &h); err != nil || h.TotalLen() > len(b) {
				break
			}
			records, err := v.Records(b[:h.TotalLen()], &h)
			for r := (batch.Record{}); err == nil; {
				var more bool
				if more, err = records.Next(&r); !more {
					break
				}
				key, n := int(r.Key[1]), (h.BaseTimestamp+r.TimestampDelta-baseMs)/keyedStep
				if last, ok := found[key]; ok && n <= last {
					t.Fatalf("key %d: batch %d comes after batch %d", key, n, last)
				}
				found[key] = n
			}
			if err != nil {
				t.Fatalf("batch at %d: %v", h.BaseOffset, err)
			}
			part.offset, b = h.LastOffset()+1, b[h.TotalLen():]
		}
		if part.offset == before {
			t.Fatalf("no whole batch at offset %d below %d", before, got.HighWatermark)
		}
	}
	for key, want := range k.latest {
		if n, ok := found[key]; !ok || n < want || n >= k.next {
			t.Fatalf("key %d has batch %d (%v) last, batch %d was acknowledged, %d were sent", key, n, ok, want, k.next)
		}
	}
}

// Where tells where the topic's log lies below a data directory.
func (k *Keyed) Where() string { return fmt.Sprintf("logs/%s-0", keyedTopic) }
