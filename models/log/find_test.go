package log

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// filled is a log of batches with 1 to 4 records over several segments, with
// enough of them that the ring does not hold all.
func filled(t *testing.T) *shell {
	cfg := DefaultConfig()
	cfg.SegmentBytes, cfg.IndexIntervalBytes = 20000, 400
	s := start(t, disk.NewMem(), cfg)
	for i := range 2 * ringSize {
		s.put(records(1+i%4, 50, int64(1000+i)))
	}
	if len(s.l.Segments()) < 3 {
		t.Fatalf("only %d segments", len(s.l.Segments()))
	}
	return s
}

func TestFindEveryOffset(t *testing.T) {
	s := filled(t)
	limit := s.l.EndMark()
	for _, ring := range []bool{true, false} {
		if !ring {
			s.l.recent.slots.Store(nil)
		}
		for offset := range limit.Offset {
			var e Extent
			if code := s.l.Find(offset, 1<<20, true, limit, FilePeeker{}, &e); code != 0 {
				t.Fatalf("offset %d: code %d", offset, code)
			}
			b := make([]byte, e.Len)
			if _, err := e.Seg.File.ReadAt(b, e.Pos); err != nil {
				t.Fatal(err)
			}
			var h batch.Header
			if err := batch.Intact(b, &h); err != nil || h.BaseOffset > offset || h.LastOffset() < offset || h.BaseOffset != e.Base {
				t.Fatalf("offset %d: found %d to %d, base %d: %v", offset, h.BaseOffset, h.LastOffset(), e.Base, err)
			}
			if want := e.Seg.Size() - e.Pos; int64(e.Len) != want {
				t.Fatalf("offset %d: %d bytes, want the rest of the segment, %d", offset, e.Len, want)
			}
		}
	}
}

func TestFindBounds(t *testing.T) {
	s := start(t, disk.NewMem(), DefaultConfig())
	var marks []Mark
	for range 4 {
		marks = append(marks, s.l.EndMark())
		s.put(records(2, 100, 1))
	}
	size := len(records(2, 100, 1))
	end := s.l.EndMark()
	cases := []struct {
		name     string
		offset   int64
		maxBytes int
		minOne   bool
		limit    Mark
		wantLen  int
		wantCode int16
	}{
		{"all", 0, 1 << 20, false, end, 4 * size, 0},
		{"last batch cut", 0, 2*size + 10, false, end, 2*size + 10, 0},
		{"first too large", 2, size - 1, false, end, 0, 0},
		{"first too large, one wanted", 2, size - 1, true, end, size, 0},
		{"nothing wanted but one", 2, 0, true, end, size, 0},
		{"exactly one", 2, size, false, end, size, 0},
		{"inside a batch", 3, size, false, end, size, 0},
		{"limit below the end", 0, 1 << 20, true, marks[3], 3 * size, 0},
		{"at the limit", 6, 1 << 20, true, marks[3], 0, 0},
		{"beyond the limit, below the end", 7, 1 << 20, true, marks[3], 0, 0},
		{"at the end", 8, 1 << 20, true, end, 0, 0},
		{"beyond the end", 9, 1 << 20, true, end, 0, kerr.OffsetOutOfRange.Code},
		{"negative", -1, 1 << 20, true, end, 0, kerr.OffsetOutOfRange.Code},
	}
	for _, c := range cases {
		var e Extent
		code := s.l.Find(c.offset, c.maxBytes, c.minOne, c.limit, FilePeeker{}, &e)
		if code != c.wantCode || e.Len != c.wantLen {
			t.Errorf("%s: got %d bytes, code %d; want %d, code %d", c.name, e.Len, code, c.wantLen, c.wantCode)
		}
	}
	if code := s.l.SetStartOffset(3, end); code != 0 {
		t.Fatalf("set start offset: code %d", code)
	}
	var e Extent
	if code := s.l.Find(2, 1, true, end, FilePeeker{}, &e); code != kerr.OffsetOutOfRange.Code {
		t.Errorf("below the start: code %d", code)
	}
}

// coldPeeker has nothing in memory until it is loaded.
type coldPeeker struct{ loaded map[int64]bool }

func (p *coldPeeker) Peek(s *Segment, pos int64, dst []byte) (int, error) {
	if !p.loaded[pos] {
		return 0, ErrCold
	}
	return FilePeeker{}.Peek(s, pos, dst)
}

func TestFindCold(t *testing.T) {
	s := filled(t)
	p := &coldPeeker{loaded: map[int64]bool{}}
	limit := s.l.EndMark()
	for range 100 {
		var e Extent
		switch code := s.l.Find(7, 1, true, limit, p, &e); code {
		case CodeCold:
			if e.Seg == nil || p.loaded[e.Pos] {
				t.Fatalf("cold at %d, which is loaded", e.Pos)
			}
			p.loaded[e.Pos] = true
		case 0:
			if len(p.loaded) == 0 {
				t.Fatal("found without looking")
			}
			return
		default:
			t.Fatalf("code %d", code)
		}
	}
	t.Fatal("still cold after 100 loads")
}

type failingPeeker struct{}

func (failingPeeker) Peek(*Segment, int64, []byte) (int, error) { return 0, errors.New("disk on fire") }

func TestFindReportsStorageErrors(t *testing.T) {
	s := filled(t)
	var e Extent
	if code := s.l.Find(0, 1, true, s.l.EndMark(), failingPeeker{}, &e); code != kerr.KafkaStorageError.Code {
		t.Errorf("code %d, want KAFKA_STORAGE_ERROR", code)
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	s := filled(t)
	limit := s.l.EndMark()
	e := new(Extent)
	var pk Peeker = FilePeeker{}
	for _, offset := range []int64{limit.Offset - 1, 3} {
		if got := testing.AllocsPerRun(100, func() {
			if code := s.l.Find(offset, 1<<20, true, limit, pk, e); code != 0 || e.Len == 0 {
				t.Fatalf("code %d", code)
			}
		}); got != 0 {
			t.Errorf("offset %d: %v allocations, want 0", offset, got)
		}
	}
}

// One thread appends and rolls while others find: every extent begins with the
// batch that holds the offset, ends at or below the limit, and its bytes are
// all there. Run with -race.
func TestReadersRaceTheWriter(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SegmentBytes, cfg.IndexIntervalBytes = 30000, 200
	s := start(t, disk.NewMem(), cfg)
	s.put(records(1, 10, 1000))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for id := range 3 {
		wg.Go(func() { raceReader(t, s.l, uint64(id), done) })
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 4000 {
		s.put(records(1+rng.IntN(4), rng.IntN(200), int64(1000+i)))
		if i%500 == 499 {
			end := s.l.EndMark()
			s.l.SetStartOffset(end.Offset/2, end)
			s.l.Retain(s.nowMs, end)
		}
	}
	close(done)
	wg.Wait()
}

func raceReader(t *testing.T, l *Log, seed uint64, done chan struct{}) {
	rng := rand.New(rand.NewPCG(seed, 7))
	buf := make([]byte, 1<<20)
	for n := 0; ; n++ {
		select {
		case <-done:
			if n > 0 {
				return
			}
		default:
		}
		limit := l.EndMark()
		first := l.StartOffset()
		offset := limit.Offset - 1 - int64(rng.IntN(3)) // mostly the tail
		if n%4 == 0 {
			offset = first + rng.Int64N(max(1, limit.Offset-first))
		}
		maxBytes := rng.IntN(5000)
		var e Extent
		code := l.Find(offset, maxBytes, true, limit, FilePeeker{}, &e)
		if code == kerr.OffsetOutOfRange.Code && offset < l.StartOffset() {
			continue
		}
		if code != 0 || e.Len == 0 {
			t.Errorf("offset %d below %+v: code %d, %d bytes", offset, limit, code, e.Len)
			return
		}
		b := buf[:e.Len]
		if _, err := e.Seg.File.ReadAt(b, e.Pos); err != nil {
			t.Errorf("offset %d: %v", offset, err)
			return
		}
		if why := raceExtent(b, offset, limit, &e); why != "" {
			t.Errorf("offset %d below %+v, segment %d at %d, %d bytes: %s", offset, limit, e.Seg.Base, e.Pos, e.Len, why)
			return
		}
	}
}

func raceExtent(b []byte, offset int64, limit Mark, e *Extent) string {
	var h batch.Header
	if err := batch.Intact(b, &h); err != nil {
		return err.Error()
	}
	if h.BaseOffset > offset || h.LastOffset() < offset || h.BaseOffset != e.Base {
		return "first batch does not hold the offset"
	}
	if e.Seg.Base > limit.SegBase || e.Seg.Base == limit.SegBase && e.Pos+int64(e.Len) > limit.Pos {
		return "beyond the limit"
	}
	for len(b) >= h.TotalLen() {
		if h.LastOffset() >= limit.Offset {
			return "a batch beyond the limit"
		}
		b = b[h.TotalLen():]
		if batch.Parse(b, &h) != nil {
			break
		}
	}
	return ""
}
