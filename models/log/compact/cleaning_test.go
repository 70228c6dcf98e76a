package compact

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// filled has n records over few keys, the last segment empty.
func filled(t failer, fs disk.FS, n int) *shell {
	s := start(t, fs, testConfig())
	for i := range n {
		r := record{key: fmt.Sprint(i * i % 13), value: fmt.Sprint("value ", i), ts: s.nowMs}
		if i%7 == 6 {
			r.value, r.null = "", true
		}
		s.put(batch.CodecNone, int64(i%2)-1, r, record{key: fmt.Sprint("once ", i%50), value: "x", ts: s.nowMs})
	}
	s.rollNow()
	return s
}

func TestExamine(t *testing.T) {
	s := filled(t, disk.NewMem(), 200)
	segs := s.l.Segments()
	active, total := segs[len(segs)-1].Base, s.l.SizeBytes()
	young := s.cfg
	young.MinCompactionLagMs = 1000
	for _, tt := range []struct {
		name             string
		cfg              log.Config
		compacted, limit int64
		nowMs            int64
		first, end       int64
		clean            int64
	}{
		{"all of it", s.cfg, 0, 1 << 60, s.nowMs, 0, active, 0},
		{"whole segments below the limit", s.cfg, 0, segs[2].Base + 1, s.nowMs, 0, segs[2].Base, 0},
		{"what is clean counts", s.cfg, segs[3].Base, 1 << 60, s.nowMs, segs[3].Base, active, segs[0].Size() + segs[1].Size() + segs[2].Size()},
		{"from the middle of a segment", s.cfg, segs[3].Base + 1, 1 << 60, s.nowMs, segs[3].Base + 1, active, segs[0].Size() + segs[1].Size() + segs[2].Size()},
		{"a checkpoint beyond the log", s.cfg, active + 1, 1 << 60, s.nowMs, 0, active, 0},
		{"nothing new", s.cfg, active, 1 << 60, s.nowMs, active, active, total},
		{"too young", young, 0, 1 << 60, s.nowMs + 500, 0, 0, 0},
		{"old enough", young, 0, 1 << 60, s.nowMs + 1000, 0, active, 0},
	} {
		s.l.SetConfig(tt.cfg)
		c := Examine(s.l, tt.compacted, tt.limit, tt.nowMs)
		if c.First != tt.first || c.End != tt.end || c.CleanBytes != tt.clean {
			t.Errorf("%s: %+v, want offsets %d to %d, clean %d", tt.name, c, tt.first, tt.end, tt.clean)
		}
	}
	cfg := s.cfg
	cfg.MinDirtyRatio = 0.5
	for _, tt := range []struct {
		policy       log.Cleanup
		clean, dirty int64
		want         bool
	}{
		{log.Compact, 100, 100, false},
		{log.Compact, 100, 101, true},
		{log.CompactAndDelete, 100, 101, true},
		{log.Delete, 100, 101, false},
		{log.Compact, 0, 0, false},
	} {
		cfg.Cleanup = tt.policy
		c := Candidate{CleanBytes: tt.clean, DirtyBytes: tt.dirty}
		if got := c.Wanted(&cfg); got != tt.want {
			t.Errorf("policy %d, %d bytes clean, %d dirty: wanted is %v", tt.policy, tt.clean, tt.dirty, got)
		}
	}
}

// TestTombstoneGoesWhenItsTimeHasCome follows one through three rounds.
func TestTombstoneGoesWhenItsTimeHasCome(t *testing.T) {
	s := start(t, disk.NewMem(), testConfig())
	s.cfg.DeleteRetentionMs = 1000
	s.l.SetConfig(s.cfg)
	round := func() map[int64]record {
		s.put(batch.CodecZstd, -1, record{key: "other", value: "x", ts: s.nowMs})
		s.rollNow()
		if n, _ := s.clean(1 << 20); n.Err() != nil {
			t.Fatal(n.Err())
		}
		return s.read()
	}
	s.put(batch.CodecZstd, -1, record{key: "k", value: "v", ts: 5}, record{key: "l", value: "v", ts: 5})
	s.put(batch.CodecZstd, -1, record{key: "k", null: true, ts: 7})
	if got := round(); len(got) != 3 || got[2] != (record{key: "k", null: true, ts: 7}) {
		t.Fatalf("after the first round there is %v, want l, the tombstone and the other", got)
	}
	s.nowMs += 999
	if got := round(); len(got) != 3 || !got[2].null {
		t.Fatalf("before its time there is %v, want the tombstone", got)
	}
	s.nowMs++
	if got := round(); len(got) != 2 {
		t.Fatalf("at its time there is %v, want no tombstone", got)
	}
}

func TestCompactedLogWantsKeys(t *testing.T) {
	s := start(t, disk.NewMem(), testConfig())
	b := batch.NewBuilder(0, batch.CodecSnappy)
	b.Append(1, []byte("k"), []byte("v"))
	b.Append(1, nil, []byte("v"))
	if _, v := s.send(b.Close()); v != log.Refused {
		t.Fatalf("a record without a key: %v, want it refused", v)
	}
}

// TestCrashAtEveryStep ends the process, or the power, at every operation on the
// files of a round: what is found is the old content or the new, of each segment,
// and the next round ends as it would have.
func TestCrashAtEveryStep(t *testing.T) {
	mem := disk.NewMem()
	whole := filled(t, mem, 60)
	want := whole.read()
	ops := 0
	mem.SetFault(func(disk.Op) error { ops++; return nil })
	if n, _ := whole.clean(1 << 20); n.Err() != nil {
		t.Fatal(n.Err())
	}
	whole.verify()
	after := whole.read()
	if len(after) >= len(want) || ops < 30 {
		t.Fatalf("compaction with %d operations left %d of %d records", ops, len(after), len(want))
	}
	errEnd := errors.New("the end")
	stride := 1
	if testing.Short() {
		stride = 4
	}
	for at := 1; at <= ops; at += stride {
		for _, power := range []bool{false, true} {
			mem := disk.NewMem()
			s := filled(t, mem, 60)
			for _, seg := range s.l.Segments() { // what compaction may look at has been synced
				_ = seg.File.Sync()
			}
			// So recovery trusts the indexes that it finds.
			if err := s.dir.Checkpoint(map[log.TP]int64{tp: s.l.ActiveSegment().Base}); err != nil {
				t.Fatal(err)
			}
			n := 0
			mem.SetFault(func(disk.Op) error {
				if n++; n >= at {
					return errEnd
				}
				return nil
			})
			s.clean(1 << 20)
			mem.SetFault(nil)
			if power {
				mem = mem.Crash()
			} else {
				mem = mem.Kill()
			}
			twin := *s
			twin.open(mem.Kill())
			twin.stop()
			audit(t, twin.fs)
			s.open(mem)
			if got, end := s.l.EndOffset(), whole.l.EndOffset(); got != end {
				t.Fatalf("crash at operation %d, power %v: the log ends at %d, want %d", at, power, got, end)
			}
			for offset, r := range s.read() {
				if want[offset] != r {
					t.Fatalf("crash at operation %d, power %v: offset %d has %+v, want %+v", at, power, offset, r, want[offset])
				}
			}
			s.verify()
			if n, _ := s.clean(1 << 20); n != nil && n.Err() != nil {
				t.Fatalf("crash at operation %d, power %v: the next round: %v", at, power, n.Err())
			}
			if got := s.read(); !maps.Equal(got, after) {
				t.Fatalf("crash at operation %d, power %v: after the next round %d records, want %d", at, power, len(got), len(after))
			}
		}
	}
}

// TestGivenUp leaves a round at every step: nothing half done stays, and what
// can be read is right.
func TestGivenUp(t *testing.T) {
	for at := 0; ; at++ {
		s := filled(t, disk.NewMem(), 60)
		c := Examine(s.l, 0, 1<<60, s.nowMs)
		n := Begin(Options{FS: s.fs, Logs: s.dir, BufferBytes: 1 << 20, Attach: s.attach}, s.l, c, s.nowMs)
		steps := 0
		for n.Need() != Finished {
			if steps++; steps == at {
				n.GiveUp()
			}
			switch n.Need() {
			case NeedIO:
				n.IO()
			case NeedCPU:
				n.CPU()
			case NeedSwap:
				n.Swap()
			}
		}
		if n.Err() != nil {
			t.Fatalf("given up at step %d: %v", at, n.Err())
		}
		s.verify()
		s.stop()
		audit(t, s.fs)
		if at > steps {
			return
		}
	}
}

// TestDamageEndsTheRound leaves a log with a broken batch as it is.
func TestDamageEndsTheRound(t *testing.T) {
	s := filled(t, disk.NewMem(), 60)
	before := s.l.Segments()
	f := before[1].File
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{b[0] ^ 1}, 100); err != nil {
		t.Fatal(err)
	}
	n, _ := s.clean(1 << 20)
	if !errors.Is(n.Err(), batch.ErrChecksum) || len(s.l.Segments()) != len(before) {
		t.Fatalf("a flipped bit: %v, %d segments of %d", n.Err(), len(s.l.Segments()), len(before))
	}
}
