package log

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// Against a search through all records, with timestamps that jump about.
func TestOffsetForTimestamp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := DefaultConfig()
		cfg.SegmentBytes, cfg.IndexIntervalBytes = 600, rapid.IntRange(0, 300).Draw(rt, "interval")
		cfg.LogAppendTime = rapid.Bool().Draw(rt, "append time")
		s := start(rt, disk.NewMem(), cfg)
		type record struct{ offset, ts int64 }
		var all []record
		var limit Mark
		for range rapid.IntRange(0, 25).Draw(rt, "batches") {
			b := batch.NewBuilder(0, rapid.IntRange(batch.CodecNone, batch.CodecZstd).Draw(rt, "codec"))
			s.nowMs = int64(rapid.IntRange(100, 130).Draw(rt, "now"))
			for range rapid.IntRange(1, 3).Draw(rt, "records") {
				ts := int64(rapid.IntRange(100, 130).Draw(rt, "timestamp"))
				b.Append(ts, nil, []byte("some value"))
				if cfg.LogAppendTime {
					ts = s.nowMs
				}
				all = append(all, record{int64(len(all)), ts})
			}
			s.put(b.Close())
			if rapid.Bool().Draw(rt, "limit here") {
				limit = s.l.EndMark()
			}
		}
		from := int64(rapid.IntRange(0, int(limit.Offset)).Draw(rt, "start"))
		s.l.SetStartOffset(from, limit)
		for ask := int64(99); ask <= 131; ask++ {
			want := record{-1, -1}
			for _, r := range all {
				if r.ts >= ask && r.offset >= from && r.offset < limit.Offset {
					want = r
					break
				}
			}
			var e Extent
			offset, ts, epoch, code := s.l.OffsetForTimestamp(ask, limit, FilePeeker{}, &e)
			if offset != want.offset || ts != want.ts || code != 0 || (epoch >= 0) != (offset >= 0) {
				rt.Fatalf("timestamp %d from %d below %d: got offset %d with %d, epoch %d, code %d; want %+v", ask, from, limit.Offset, offset, ts, epoch, code, want)
			}
		}
	})
}

func TestOffsetOfMaxTimestamp(t *testing.T) {
	s := start(t, disk.NewMem(), smallConfig())
	var e Extent
	if offset, _, _, code := s.l.OffsetForTimestamp(MaxTimestamp, s.l.EndMark(), FilePeeker{}, &e); offset != -1 || code != 0 {
		t.Errorf("empty log: offset %d, code %d", offset, code)
	}
	for _, ts := range []int64{5, 9, 7, 9, 8} {
		s.put(records(2, 700, ts))
	}
	offset, ts, _, code := s.l.OffsetForTimestamp(MaxTimestamp, s.l.EndMark(), FilePeeker{}, &e)
	if offset != 2 || ts != 9 || code != 0 {
		t.Errorf("got offset %d with %d, code %d; want 2 with 9", offset, ts, code)
	}
}
