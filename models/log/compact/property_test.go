package compact

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

func testConfig() log.Config {
	c := log.DefaultConfig()
	c.SegmentBytes, c.IndexIntervalBytes, c.Cleanup, c.MinDirtyRatio = 4000, 200, log.Compact, 0
	return c
}

// TestCompactionKeepsTheLastOfEveryKey writes random records with few keys and
// compacts now and then, with maps that may be too small, between clean stops and
// kills. Whatever is read was written, in order; of every key the last record is
// there, tombstones for as long as they should be; nothing superseded is left
// below the checkpoint; producers may repeat their last batch.
func TestCompactionKeepsTheLastOfEveryKey(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := disk.NewMem()
		cfg := testConfig()
		cfg.DeleteRetentionMs = rapid.SampledFrom([]int64{0, 1000, 1 << 40}).Draw(rt, "tombstones")
		cfg.SegmentBytes = rapid.IntRange(600, 4000).Draw(rt, "segment")
		cfg.LogAppendTime = rapid.IntRange(0, 3).Draw(rt, "append time") == 0
		s := start(rt, mem, cfg)
		keys := rapid.IntRange(1, 30).Draw(rt, "keys")
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 40).Draw(rt, "batches") {
				var rs []record
				for range rapid.IntRange(1, 5).Draw(rt, "records") {
					r := record{key: fmt.Sprint(rapid.IntRange(0, keys).Draw(rt, "key")), ts: s.nowMs - int64(rapid.IntRange(0, 50).Draw(rt, "age"))}
					if r.null = rapid.IntRange(0, 4).Draw(rt, "null") == 0; !r.null {
						r.value = fmt.Sprint("value ", len(s.all), len(rs))
					}
					if cfg.LogAppendTime {
						r.ts = s.nowMs
					}
					rs = append(rs, r)
				}
				s.put(rapid.IntRange(0, batch.CodecZstd).Draw(rt, "codec"), int64(rapid.IntRange(-1, 2).Draw(rt, "producer")), rs...)
				s.nowMs++
			}
			end, start := s.l.EndOffset(), s.l.StartOffset()
			n, _ := s.clean(int64(rapid.SampledFrom([]int{1 << 20, 10 * slotBytes}).Draw(rt, "buffer")))
			if n != nil && n.Err() != nil {
				rt.Fatalf("%v", n.Err())
			}
			s.verify()
			if s.l.EndOffset() != end || s.l.StartOffset() != start {
				rt.Fatalf("the log goes from %d to %d, before it went from %d to %d", s.l.StartOffset(), s.l.EndOffset(), start, end)
			}
			switch rapid.IntRange(0, 2).Draw(rt, "then") {
			case 1:
				s.stop()
				audit(rt, mem)
				s.open(mem)
			case 2:
				mem = mem.Kill()
				s.open(mem)
			}
			s.verify()
			for id, sent := range s.last {
				if _, v := s.send(sent); v != log.Duplicate {
					rt.Fatalf("the last batch of producer %d again: %v, want a duplicate", id, v)
				}
			}
			s.nowMs += int64(rapid.SampledFrom([]int{1, 5000}).Draw(rt, "pause"))
		}
	})
}

// verify compares what can be read with what was written.
func (s *shell) verify() {
	s.t.Helper()
	got := s.read()
	latest := map[string]int64{} // of each key, and
	below := map[string]int64{}  // below the checkpoint
	compacted := s.l.Compacted()
	for _, offset := range slices.Sorted(maps.Keys(s.all)) {
		latest[s.all[offset].key] = offset
		if offset < compacted {
			below[s.all[offset].key] = offset
		}
	}
	for offset, r := range got {
		want := s.all[offset]
		if s.cfg.LogAppendTime {
			want.ts = r.ts // in the header
		}
		if r != want {
			s.t.Fatalf("at offset %d is %+v, written was %+v", offset, r, want)
		}
		if offset < below[r.key] {
			s.t.Fatalf("key %s at offset %d is superseded at %d, below the checkpoint %d", r.key, offset, below[r.key], compacted)
		}
	}
	for key, offset := range latest {
		r := s.all[offset]
		if _, there := got[offset]; !there && (!r.null || s.cfg.DeleteRetentionMs > 1<<30 || offset >= compacted) {
			s.t.Fatalf("the last record of key %s, at offset %d, is gone", key, offset)
		}
	}
}
