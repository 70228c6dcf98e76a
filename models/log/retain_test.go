package log

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/disk"
)

// decade is a log of ten segments of four one-record batches; the records of
// segment i have timestamp 1000*i.
func decade(t *testing.T, change func(*Config, int)) *shell {
	size := len(records(1, 100, 0))
	cfg := DefaultConfig()
	cfg.SegmentBytes, cfg.RetentionMs = 4*size, -1
	change(&cfg, 4*size)
	s := start(t, disk.NewMem(), cfg)
	for i := range int64(40) {
		s.put(records(1, 100, i/4*1000))
	}
	if len(s.l.Segments()) != 10 {
		t.Fatalf("%d segments, want 10", len(s.l.Segments()))
	}
	return s
}

func TestRetain(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Config, int)
		limit  int64 // high watermark
		start  int64 // DeleteRecords before
		want   int   // segments that go
	}{
		{"nothing set", func(*Config, int) {}, 40, 0, 0},
		{"time", func(c *Config, _ int) { c.RetentionMs = 5000 }, 40, 0, 5},
		{"time, exactly as old", func(c *Config, _ int) { c.RetentionMs = 10000 }, 40, 0, 0},
		{"never the active one", func(c *Config, _ int) { c.RetentionMs = 1 }, 40, 0, 9},
		{"never above the high watermark", func(c *Config, _ int) { c.RetentionMs = 1 }, 15, 0, 3},
		{"size", func(c *Config, seg int) { c.RetentionBytes = int64(3 * seg) }, 40, 0, 7},
		{"size, the rest stays large enough", func(c *Config, seg int) { c.RetentionBytes = int64(3*seg + 1) }, 40, 0, 6},
		{"below the start", func(*Config, int) {}, 40, 9, 2},
		{"below the start, at a base", func(*Config, int) {}, 40, 8, 2},
	}
	for _, c := range cases {
		s := decade(t, c.change)
		before := s.l.Segments()
		if code := s.l.SetStartOffset(c.start, Mark{Offset: c.limit}); code != 0 {
			t.Fatalf("%s: code %d", c.name, code)
		}
		gone := s.l.Retain(10000, Mark{Offset: c.limit})
		if len(gone) != c.want {
			t.Errorf("%s: %d segments go, want %d", c.name, len(gone), c.want)
			continue
		}
		if want := max(c.start, before[c.want].Base); s.l.StartOffset() != want {
			t.Errorf("%s: start %d, want %d", c.name, s.l.StartOffset(), want)
		}
		for _, seg := range gone {
			if err := DropSegment(s.fs, s.l.Path(), seg); err != nil {
				t.Fatal(err)
			}
		}
		s.check()
		s.stop()
		verifyClosed(t, s.fs, s.l.Path())
	}
}

func TestExpiredActiveSegmentRolls(t *testing.T) {
	s := decade(t, func(c *Config, _ int) { c.RetentionMs = 100 })
	end := s.l.EndMark()
	if s.l.ActiveExpired(9100, end) {
		t.Error("expired while exactly as old as allowed")
	}
	if s.l.ActiveExpired(9101, Mark{Offset: 39}) {
		t.Error("expired above the high watermark")
	}
	if !s.l.ActiveExpired(9101, end) {
		t.Fatal("not expired")
	}
	a := Append{Base: s.l.EndOffset()}
	s.roll(&a)
	if got := len(s.l.Retain(9101, s.l.EndMark())); got != 10 {
		t.Errorf("%d segments go, want 10", got)
	}
	if s.l.StartOffset() != 40 || s.l.EndOffset() != 40 || s.l.ActiveExpired(1<<40, s.l.EndMark()) {
		t.Errorf("log from %d to %d", s.l.StartOffset(), s.l.EndOffset())
	}
	s.epoch++
	if a, v, _ := s.put(records(1, 1, 9200)); v != Write || a.Base != 40 {
		t.Errorf("then %v at %d", v, a.Base)
	}
	// No record of the epoch before is left, so it has no start either.
	if got := s.l.Epochs(); len(got) != 1 || got[0] != (EpochStart{s.epoch, 40}) {
		t.Errorf("epochs %v, want %d from offset 40", got, s.epoch)
	}
}

func TestSetStartOffset(t *testing.T) {
	s := decade(t, func(*Config, int) {})
	hw := Mark{Offset: 30}
	for _, c := range []struct {
		offset int64
		code   int16
		want   int64
	}{{5, 0, 5}, {3, 0, 5}, {31, kerr.OffsetOutOfRange.Code, 5}, {-1, kerr.OffsetOutOfRange.Code, 5}, {30, 0, 30}} {
		if code := s.l.SetStartOffset(c.offset, hw); code != c.code || s.l.StartOffset() != c.want {
			t.Errorf("to %d: code %d, start %d; want %d, %d", c.offset, code, s.l.StartOffset(), c.code, c.want)
		}
	}
}

func TestEpochEnd(t *testing.T) {
	s := start(t, disk.NewMem(), DefaultConfig())
	if e, o := s.l.EpochEnd(0); e != -1 || o != -1 {
		t.Errorf("empty log: %d, %d", e, o)
	}
	for _, epoch := range []int32{2, 2, 5, 9} { // starts 0, 4, 6
		s.epoch = epoch
		s.put(records(2, 1, 1))
	}
	for _, c := range []struct {
		ask, epoch int32
		end        int64
	}{
		{9, 9, 8},
		{5, 5, 6},
		{2, 2, 4},
		{7, 5, 6},
		{3, 2, 4}, // between: the largest below, and where the next begins
		{1, 1, 0},
		{0, 0, 0}, // before the first
		{10, -1, -1},
		{-1, -1, -1},
	} {
		if e, o := s.l.EpochEnd(c.ask); e != c.epoch || o != c.end {
			t.Errorf("epoch %d: got %d, %d; want %d, %d", c.ask, e, o, c.epoch, c.end)
		}
	}
	s.l.SetStartOffset(5, s.l.EndMark())
	if got := s.l.Epochs(); len(got) != 2 || got[0] != (EpochStart{5, 5}) || got[1] != (EpochStart{9, 6}) {
		t.Errorf("epochs from offset 5 on: %v", got)
	}
}

// A seal in the background may find that retention was faster.
func TestSealAfterDrop(t *testing.T) {
	s := decade(t, func(c *Config, _ int) { c.RetentionMs = 1 })
	s.noSeal = true
	end := s.l.EndMark()
	a := Append{Base: end.Offset}
	old, _ := s.l.Roll(&a)
	gone := s.l.Retain(100000, s.l.EndMark())
	if len(gone) != 10 || gone[9] != old {
		t.Fatalf("%d segments go", len(gone))
	}
	var err error
	if a.Seg.File, err = CreateSegment(s.fs, s.l.Path(), a.Seg); err != nil {
		t.Fatal(err)
	}
	// The last alone: those before it go with it.
	if err := DropSegment(s.fs, s.l.Path(), old); err != nil {
		t.Fatal(err)
	}
	if err := SealSegment(s.fs, s.l.Path(), old); err != nil {
		t.Errorf("seal of a dropped segment: %v", err)
	}
	s.stop()
	verifyClosed(t, s.fs, s.l.Path())
	if s.l.StartOffset() != end.Offset {
		t.Errorf("start %d, want %d", s.l.StartOffset(), end.Offset)
	}
	// A segment that is missing without having been dropped is an error.
	old.dropped.Store(false)
	if err := SealSegment(s.fs, s.l.Path(), old); err == nil {
		t.Error("sealed a segment without a file")
	}
}

// Retention may even have taken the segment behind, at whose base the seal puts a
// snapshot: nothing removes that any more.
func TestSealLeavesNothingOfTheNext(t *testing.T) {
	cfg := smallConfig()
	cfg.RetentionMs = 1
	s := start(t, disk.NewMem(), cfg)
	s.noSeal = true
	for len(s.l.Segments()) < 4 {
		s.put(records(1, 500, 1))
	}
	gone := s.l.Retain(100000, s.l.EndMark())
	if len(gone) != 3 {
		t.Fatalf("%d segments go, want 3", len(gone))
	}
	if err := DropSegment(s.fs, s.l.Path(), gone[2]); err != nil {
		t.Fatal(err)
	}
	for _, seg := range gone {
		if err := SealSegment(s.fs, s.l.Path(), seg); err != nil {
			t.Errorf("seal of dropped segment %d: %v", seg.Base, err)
		}
	}
	names, err := s.fs.ReadDir(s.l.Path())
	if err != nil {
		t.Fatal(err)
	}
	kept := s.l.StartOffset()
	for _, name := range names {
		if base, _, ok := parseFile(name); ok && base < kept {
			t.Errorf("%s is left, the log begins at %d", name, kept)
		}
	}
	if _, err := s.fs.Stat(segmentPath(s.l.Path(), kept, ".snapshot")); err != nil {
		t.Errorf("the snapshot at the log's start: %v", err)
	}
}
