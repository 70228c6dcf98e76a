package tpc

import (
	"fmt"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/cluster"
)

// keyed is what a compacted partition was given: of every offset key and value.
type keyed struct {
	t       *testing.T
	r       *raw
	part    int32
	written []string // by offset; the value tells the key
	last    map[string]int64
}

// add writes a batch of five records over few keys.
func (k *keyed) add() {
	k.t.Helper()
	b := batch.NewBuilder(0, len(k.written)/5%5)
	for range 5 {
		n := len(k.written)
		key := fmt.Sprint("key ", n*n%17)
		value := fmt.Sprint(key, " value ", n)
		b.Append(bornMs, []byte(key), []byte(value))
		k.written = append(k.written, value)
		k.last[key] = int64(n)
	}
	base, code, err := k.r.produce("t", k.part, b.Close())
	if err != nil || code != 0 || base != int64(len(k.written)-5) {
		k.t.Fatalf("produce to %d: offset %d, code %d, %v; want offset %d", k.part, base, code, err, len(k.written)-5)
	}
}

// verify reads the partition from its start, records as they were written and of
// every key the last.
func (k *keyed) verify() {
	k.t.Helper()
	left := map[string]int64{}
	for key, offset := range k.last {
		left[key] = offset
	}
	var v batch.Validator
	before := int64(-1)
	for at := int64(0); at < int64(len(k.written)); {
		parts, err := k.r.fetch(fetchRequest("t", 0, 1, 1<<20, want{k.part, at, 3000}))
		if err != nil || parts[0].ErrorCode != 0 {
			k.t.Fatalf("fetch of %d at %d: code %d, %v", k.part, at, parts[0].ErrorCode, err)
		}
		b, from := parts[0].RecordBatches, at
		var h batch.Header
		for batch.Parse(b, &h) == nil && h.TotalLen() <= len(b) {
			if err := batch.Intact(b, &h); err != nil || h.LastOffset() < at {
				k.t.Fatalf("batch at %d of %d: offsets %d to %d, %v", at, k.part, h.BaseOffset, h.LastOffset(), err)
			}
			records, err := v.Records(b[:h.TotalLen()], &h)
			var r batch.Record
			for more := err == nil; more; {
				if more, err = records.Next(&r); !more || err != nil {
					break
				}
				offset := h.BaseOffset + int64(r.OffsetDelta)
				key := string(r.Key)
				if offset <= before || k.written[offset][:len(key)+1] != key+" " {
					k.t.Fatalf("offset %d of %d behind %d has key %q, written was %q", offset, k.part, before, key, k.written[offset])
				}
				if before = offset; left[key] == offset {
					delete(left, key)
				}
			}
			if err != nil {
				k.t.Fatalf("batch at %d of %d: %v", at, k.part, err)
			}
			at, b = h.LastOffset()+1, b[h.TotalLen():]
		}
		if at == from {
			k.t.Fatalf("fetch of %d at %d: no whole batch in %d bytes", k.part, at, len(parts[0].RecordBatches))
		}
	}
	if len(left) > 0 {
		k.t.Fatalf("partition %d: of keys the last records are gone, at offsets %v", k.part, left)
	}
}

// compacted is up to where a partition has been compacted.
func compacted(t *testing.T, b *Broker, part int32) (at int64) {
	t.Helper()
	topic := b.image.Load().Topic([]byte("t"))
	if err := b.on(b.shards[topic.Parts[part].Owner], func(s *shard) error {
		at = s.parts[partKey{topic.ID, part}].Log.Compacted()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return at
}

// TestCompactionMeetsMovesAndDeletion compacts logs over and over while they are
// written, read, moved between shards, and while another topic is deleted.
func TestCompactionMeetsMovesAndDeletion(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, "log.cleaner.backoff.ms", "1", "log.segment.delete.delay.ms", "0")
	r := dial(t, b)
	for _, name := range []string{"t", "doomed"} {
		topicWith(t, r, name, 2, "cleanup.policy", "compact", "segment.bytes", "4096", "min.cleanable.dirty.ratio", "0")
	}
	var parts [2]*keyed
	for i := range parts {
		parts[i] = &keyed{t: t, r: r, part: int32(i), last: map[string]int64{}}
	}
	rounds, was := [2]int{}, [2]int64{}
	for i, deadline := 0, time.Now().Add(patience); min(rounds[0], rounds[1]) < 3; i++ {
		if time.Now().After(deadline) {
			t.Fatalf("after %d batches there were %v rounds", i, rounds)
		}
		for range 20 {
			for _, k := range parts {
				k.add()
			}
			doomed := batch.NewBuilder(0, 0)
			doomed.Append(bornMs, []byte("k"), make([]byte, 400))
			if _, _, err := r.produce("doomed", 0, doomed.Close()); err != nil {
				t.Fatal(err)
			}
		}
		part := int32(i % 2)
		if i%3 == 2 {
			mustMove(t, b, cluster.Move{Topic: "t", Index: part, To: int32(i / 6 % 2)})
		}
		parts[part].verify()
		if at := compacted(t, b, part); at > was[part] {
			rounds[part]++
			was[part] = at
		}
		if i == 10 {
			deleteTopic(t, r, "doomed")
		}
		time.Sleep(time.Millisecond)
	}
	_ = r.c.Close()
	stop(t, b)
	checkLogs(t, b)
	b = start(t, dir)
	for _, k := range parts {
		k.r = dial(t, b)
		k.verify()
	}
	stop(t, b)
}
