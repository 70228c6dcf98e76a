package log

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

func mustCheck(t failer, b []byte) (h batch.Header) {
	t.Helper()
	if code := batch.Check(b, &h, 1<<20); code != 0 {
		t.Fatalf("batch check: code %d", code)
	}
	return h
}

func TestPrepareRefuses(t *testing.T) {
	transactional := batch.NewBuilder(0, batch.CodecNone)
	transactional.Transactional = true
	transactional.ProducerID, transactional.ProducerEpoch, transactional.BaseSequence = 1, 0, 0
	transactional.Append(1, nil, nil)
	broken := records(2, 10, 5)
	broken[batch.HeaderLen]++ // the first record's length
	cfg := smallConfig()
	now := int64(1_700_000_000_000)
	cases := []struct {
		name string
		b    []byte
		want int16
	}{
		{"larger than a segment", records(1, 3000, now), kerr.RecordListTooLarge.Code},
		{"transactional", transactional.Close(), kerr.InvalidTxnState.Code},
		{"record beyond its batch", broken, kerr.InvalidRecord.Code},
		{"from the future", records(1, 1, now+cfg.TimestampAfterMaxMs+1), kerr.InvalidTimestamp.Code},
		{"just not from the future", records(1, 1, now+cfg.TimestampAfterMaxMs), 0},
	}
	for _, c := range cases {
		s := start(t, disk.NewMem(), cfg)
		var h batch.Header
		if err := batch.Parse(c.b, &h); err != nil {
			t.Fatal(err)
		}
		var a Append
		v, code := s.l.Prepare(c.b, &h, &s.v, now, 0, &a)
		if code != c.want || (v == Refused) != (c.want != 0) {
			t.Errorf("%s: got %v, code %d; want code %d", c.name, v, code, c.want)
		}
	}
}

func TestTimestampsAreMadeTrue(t *testing.T) {
	for _, appendTime := range []bool{false, true} {
		cfg := DefaultConfig()
		cfg.LogAppendTime = appendTime
		s := start(t, disk.NewMem(), cfg)
		bld := batch.NewBuilder(0, batch.CodecNone)
		bld.Append(100, nil, nil)
		bld.Append(300, nil, nil)
		bld.Append(200, nil, nil)
		b := bld.Close()
		batch.SetMaxTimestamp(b, batch.CreateTime, 999) // a producer that lies
		s.epoch = 7
		a, v, code := s.put(b)
		if v != Write || code != 0 {
			t.Fatalf("%v, code %d", v, code)
		}
		var h batch.Header
		if err := batch.Intact(b, &h); err != nil {
			t.Fatal(err)
		}
		wantMax, wantOffset, wantLog := int64(300), int64(1), int64(-1)
		if appendTime {
			wantMax, wantOffset, wantLog = s.nowMs, 0, s.nowMs
		}
		if h.MaxTimestamp != wantMax || a.MaxTsMs != wantMax || a.MaxTsOffset != wantOffset || a.LogAppendTimeMs != wantLog {
			t.Errorf("append time %v: header max %d, append %+v", appendTime, h.MaxTimestamp, a)
		}
		if h.LeaderEpoch != 7 || (h.TimestampType() == batch.LogAppendTime) != appendTime {
			t.Errorf("append time %v: epoch %d, type %d", appendTime, h.LeaderEpoch, h.TimestampType())
		}
	}
}

func TestRoll(t *testing.T) {
	size := len(records(1, 100, 0))
	cases := []struct {
		name   string
		change func(*Config)

		want Verdict
	}{
		{"room for exactly one more", func(c *Config) { c.SegmentBytes = 2 * size }, Write},
		{"one byte short", func(c *Config) { c.SegmentBytes = 2*size - 1 }, RollThenWrite},
		{"as old as allowed", func(c *Config) { c.SegmentMs = 50 }, Write},
		{"older than allowed", func(c *Config) { c.SegmentMs = 49 }, RollThenWrite},
	}
	for _, c := range cases {
		cfg := DefaultConfig()
		c.change(&cfg)
		s := start(t, disk.NewMem(), cfg)
		s.put(records(1, 100, 1000))
		_, v, code := s.put(records(1, 100, 1050))
		if v != c.want || code != 0 {
			t.Errorf("%s: got %v, code %d; want %v", c.name, v, code, c.want)
		}
		wantSegs := 1
		if c.want == RollThenWrite {
			wantSegs = 2
		}
		if got := len(s.l.Segments()); got != wantSegs {
			t.Errorf("%s: %d segments, want %d", c.name, got, wantSegs)
		}
		s.check()
	}
}

func TestRollWhenAnIndexIsFull(t *testing.T) {
	cfg := DefaultConfig()
	cfg.IndexIntervalBytes, cfg.IndexMaxBytes = 0, 3*timeEntryBytes
	s := start(t, disk.NewMem(), cfg)
	for i := range int64(40) {
		s.put(records(1, 10, 1000+i))
	}
	for _, seg := range s.l.Segments() {
		if seg.times.len()*timeEntryBytes > cfg.IndexMaxBytes || seg.index.len()*offsetEntryBytes > cfg.IndexMaxBytes {
			t.Fatalf("segment %d has %d and %d entries", seg.Base, seg.index.len(), seg.times.len())
		}
	}
	if len(s.l.Segments()) < 10 {
		t.Fatalf("%d segments", len(s.l.Segments()))
	}
	s.check()
}

// Relative offsets have 31 bits; the batch that would pass them rolls.
func TestRollBeforeRelativeOffsetsOverflow(t *testing.T) {
	s := start(t, disk.NewMem(), DefaultConfig())
	s.put(records(1, 10, 1000))
	end := s.l.EndMark()
	for _, c := range []struct {
		end  int64
		want Verdict
	}{{1<<31 - 1, Write}, {1 << 31, RollThenWrite}} {
		s.l.end.Store(Mark{Offset: c.end, SegBase: end.SegBase, Pos: end.Pos})
		b := records(1, 10, 1000)
		h := mustCheck(t, b)
		var a Append
		if v, _ := s.l.Prepare(b, &h, &s.v, s.nowMs, 0, &a); v != c.want {
			t.Errorf("at offset %d: got %v, want %v", c.end, v, c.want)
		}
	}
}

func TestCommitOutOfTurnPanics(t *testing.T) {
	s := start(t, disk.NewMem(), DefaultConfig())
	b := records(1, 10, 1000)
	h := mustCheck(t, b)
	var a Append
	s.l.Prepare(b, &h, &s.v, s.nowMs, 0, &a)
	s.l.Commit(&a)
	defer func() {
		if recover() == nil {
			t.Error("a second commit of one append passed")
		}
	}()
	s.l.Commit(&a)
}

// The hot path allocates nothing. What remains are index chunks: one of 4 KiB
// and one of 8 KiB every 512 entries, that is every 2 MiB of log, far below one
// allocation in a thousand appends of 1 KiB.
func TestAppendDoesNotAllocate(t *testing.T) {
	s := start(t, disk.NewMem(), DefaultConfig())
	b := records(1, 950, 1_700_000_000_000)
	idem := sequence(3, 0, 0, 1)
	seq := int32(0)
	var a Append
	var h batch.Header
	one := func(b []byte) {
		batch.SetOffsets(b, 0, -1)
		if code := batch.Check(b, &h, 1<<20); code != 0 {
			t.Fatalf("code %d", code)
		}
		if v, code := s.l.Prepare(b, &h, &s.v, s.nowMs, 0, &a); v != Write {
			t.Fatalf("%v, code %d", v, code)
		}
		s.l.Commit(&a)
	}
	one(b)
	got := testing.AllocsPerRun(2000, func() {
		one(b)
		h := mustCheck(t, sequence3(idem, seq))
		if v, code := s.l.Prepare(idem, &h, &s.v, s.nowMs, 0, &a); v != Write {
			t.Fatalf("%v, code %d", v, code)
		}
		s.l.Commit(&a)
		seq++
	})
	if got != 0 {
		t.Errorf("%v allocations an append, want 0", got)
	}
}

// sequence3 sets the base sequence of a batch in place and mends the CRC.
func sequence3(b []byte, seq int32) []byte {
	batch.SetOffsets(b, 0, -1)
	b[53], b[54], b[55], b[56] = byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq)
	crc := batch.Checksum(b)
	b[17], b[18], b[19], b[20] = byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc)
	return b
}

// The batch that finds more than the interval since the last entry is indexed,
// not the one that finds exactly as much.
func TestIndexInterval(t *testing.T) {
	size := len(records(1, 100, 0))
	for _, c := range []struct {
		interval int
		want     []offsetEntry
	}{
		{size - 1, []offsetEntry{{1, int32(size)}, {2, int32(2 * size)}, {3, int32(3 * size)}}},
		{size, []offsetEntry{{2, int32(2 * size)}}},
		{2*size - 1, []offsetEntry{{2, int32(2 * size)}}},
		{3 * size, nil},
	} {
		cfg := DefaultConfig()
		cfg.IndexIntervalBytes = c.interval
		s := start(t, disk.NewMem(), cfg)
		for range 4 {
			s.put(records(1, 100, 1000))
		}
		var got []offsetEntry
		seg := s.l.ActiveSegment()
		for i := range seg.index.len() {
			got = append(got, seg.index.at(i))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("interval %d: entries %v, want %v", c.interval, got, c.want)
		}
	}
}
