package log

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/models/disk"
)

// rewrite changes a file's content.
func rewriteFile(t *testing.T, fs disk.FS, path string, change func([]byte) []byte) {
	t.Helper()
	if err := disk.WriteFileSync(fs, path, change(content(t, fs, path))); err != nil {
		t.Fatal(err)
	}
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 0x40; return b }
}

// TestRecovery damages a killed broker's log and opens it again. The log has
// segments at 0, 4, 8 and 12 of four batches with one record each, the last
// with two.
func TestRecovery(t *testing.T) {
	size := len(records(1, 100, 0))
	path := func(base int64, suffix string) string { return segmentPath(testDir+"/topic-0", base, suffix) }
	cases := []struct {
		name    string
		damage  func(t *testing.T, fs disk.FS)
		end     int64
		bytes   int64 // cut; a batch ends with a zero byte, which does not count at the end
		dropped int
		rebuilt int
	}{
		{name: "none", damage: func(*testing.T, disk.FS) {}, end: 14},
		{name: "zeros behind the end", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(12, ".log"), func(b []byte) []byte { return append(b, make([]byte, 1<<16)...) })
		}, end: 14},
		{name: "torn tail", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(12, ".log"), func(b []byte) []byte { return b[:len(b)-1] })
		}, end: 13, bytes: int64(size - 1)},
		{name: "torn tail, zeros behind", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(12, ".log"), func(b []byte) []byte {
				clear(b[size+80:])
				return append(b, make([]byte, 8192)...)
			})
		}, end: 13, bytes: 80},
		{name: "less than a header", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(12, ".log"), func(b []byte) []byte { return b[:size+20] })
		}, end: 13, bytes: 20},
		{name: "a bit in the active segment", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(12, ".log"), flip(90))
		}, end: 12, bytes: int64(2*size - 1)},
		{name: "a bit in a sealed segment", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(4, ".log"), flip(2*size+90))
		}, end: 6, bytes: int64(2*size - 1), dropped: 2},
		{name: "a sealed segment ends early at a batch", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(4, ".log"), func(b []byte) []byte { return b[:3*size] })
		}, end: 7, dropped: 2},
		{name: "a batch is missing", damage: func(t *testing.T, fs disk.FS) {
			rewriteFile(t, fs, path(4, ".log"), func(b []byte) []byte { return append(b[:size:size], b[2*size:]...) })
		}, end: 5, bytes: int64(2*size - 1), dropped: 2},
		{name: "a segment is missing", damage: func(t *testing.T, fs disk.FS) {
			if err := fs.Remove(path(8, ".log")); err != nil {
				t.Fatal(err)
			}
		}, end: 8, dropped: 1},
		{name: "indexes are missing", damage: func(t *testing.T, fs disk.FS) {
			for _, base := range []int64{0, 4, 8} {
				fs.Remove(path(base, ".index"))
			}
		}, end: 14},
		{name: "files that a crash left", damage: func(t *testing.T, fs disk.FS) {
			for _, name := range []string{path(0, ".log") + ".deleted", path(99, ".index"), path(4, ".log") + ".cleaned", path(20, ".snapshot")} {
				if err := disk.WriteFileSync(fs, name, []byte("rest")); err != nil {
					t.Fatal(err)
				}
			}
		}, end: 14},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.SegmentBytes, cfg.IndexIntervalBytes = 4*size, 100
			mem := disk.NewMem()
			s := start(t, mem, cfg)
			for i := range int64(14) {
				s.epoch = int32(i / 6)
				s.put(records(1, 100, 1000+i))
			}
			written := s.written
			mem = mem.Kill()
			c.damage(t, mem)
			s = start(t, mem, cfg)
			s.written = written
			r := s.l.Recovery
			if s.l.EndOffset() != c.end || r.TruncatedBytes != c.bytes ||
				r.DroppedSegments != c.dropped || r.RebuiltIndexes != c.rebuilt || !r.Unclean {
				t.Fatalf("end %d, want %d; %+v", s.l.EndOffset(), c.end, r)
			}
			if cut := r.TruncatedAt >= 0; cut != (c.bytes > 0 || c.dropped > 0) || cut && r.TruncatedAt != c.end {
				t.Fatalf("cut at %d; %+v", r.TruncatedAt, r)
			}
			s.check()
			for _, e := range s.l.Epochs() {
				if e.Start >= c.end {
					t.Fatalf("epoch %+v in a log that ends at %d", e, c.end)
				}
			}
			s.epoch = 9
			s.put(records(1, 100, 2000))
			s.stop()
			verifyClosed(t, mem, s.l.Path())
			names, _ := mem.ReadDir(s.l.Path())
			for _, name := range names {
				if strings.HasSuffix(name, ".deleted") || strings.HasSuffix(name, ".cleaned") {
					t.Errorf("%s is still there", name)
				}
			}
		})
	}
}

// A clean directory is not read back; indexes that do not fit are rebuilt.
func TestCleanOpen(t *testing.T) {
	cfg := smallConfig()
	mem := disk.NewMem()
	s := start(t, mem, cfg)
	for i := range int64(60) {
		s.put(records(1, 100, 1000+i%7))
	}
	written := s.written
	s.stop()
	before := snapshotOf(t, mem, s.l.Path())

	s = start(t, mem, cfg)
	s.written = written
	total := s.l.SizeBytes()
	if r := s.l.Recovery; r.Unclean || r.RebuiltIndexes != 0 || r.TruncatedAt != -1 {
		t.Fatalf("%+v", r)
	}
	s.check()
	s.stop()
	if after := snapshotOf(t, mem, s.l.Path()); after != before {
		t.Fatalf("opening and closing changed the files (%d bytes of log)", total)
	}

	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return b[:len(b)-3] },
		func(b []byte) []byte { return append(b, make([]byte, 64)...) }, // as Kafka preallocates
		flip(3),
	} {
		rewriteFile(t, mem, segmentPath(s.l.Path(), 0, ".index"), damage)
		s = start(t, mem, cfg)
		s.written = written
		if s.l.Recovery.RebuiltIndexes != 1 {
			t.Errorf("rebuilt %d indexes, want 1", s.l.Recovery.RebuiltIndexes)
		}
		s.check()
		s.stop()
		if after := snapshotOf(t, mem, s.l.Path()); after != before {
			t.Error("the rebuilt index differs from the one written")
		}
	}
}

// A log that is stopped and started goes on where it was: its indexes are those
// of one that never stopped, also when only the tail behind the last entry had
// to be walked.
func TestStopsLeaveNoMark(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SegmentBytes, cfg.IndexIntervalBytes = 5000, 400
	var want string
	for _, every := range []int{1000, 1, 3, 7} {
		mem := disk.NewMem()
		s := start(t, mem, cfg)
		for i := range 60 {
			if i%every == every-1 {
				s.stop()
				s = start(t, mem, cfg)
			}
			s.put(records(1, 100, 1000))
		}
		s.stop()
		for _, seg := range s.l.Segments() {
			for _, suffix := range []string{".log", ".index", ".timeindex"} {
				path := segmentPath(s.l.Path(), seg.Base, suffix)
				got := path + string(content(t, mem, path))
				if every == 1000 {
					want += got
				} else if !strings.Contains(want, got) {
					t.Errorf("stopped every %d appends: %s differs", every, path)
				}
			}
		}
	}
}

// snapshotOf is all files of a directory as one string.
func snapshotOf(t *testing.T, fs disk.FS, dir string) string {
	t.Helper()
	names, err := fs.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name + "\n")
		b.Write(content(t, fs, dir+"/"+name))
	}
	return b.String()
}

// What was synced is not cut: damage below the recovery point is an error.
func TestDamageBelowTheRecoveryPointIsAnError(t *testing.T) {
	cfg := smallConfig()
	mem := disk.NewMem()
	s := start(t, mem, cfg)
	for i := range int64(40) {
		s.put(records(1, 100, 1000+i))
	}
	segs := s.l.Segments()
	if err := s.dir.Checkpoint(map[TP]int64{{"topic", 0}: segs[2].Base}); err != nil {
		t.Fatal(err)
	}
	mem = mem.Kill()
	rewriteFile(t, mem, segmentPath(s.l.Path(), segs[1].Base, ".log"), func(b []byte) []byte { return b[:len(b)-10] })
	dir, err := OpenDir(mem, testDir, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	_, err = dir.OpenLog("topic", 0, testID, cfg)
	if err == nil || !strings.Contains(err.Error(), segmentPath("", segs[1].Base, ".log")) {
		t.Fatalf("got %v, want an error that names the segment", err)
	}
}

// A broker was stopped, went on, and was killed after its checkpoint had passed a
// segment and before sealing wrote that segment's indexes: those of the stop are
// sound and too short.
func TestIndexesOfAnEarlierStop(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SegmentBytes, cfg.IndexIntervalBytes = 5000, 4000
	mem := disk.NewMem()
	s := start(t, mem, cfg)
	s.put(records(1, 100, 1000))
	s.stop()
	written := s.written
	suffixes := []string{".index", ".timeindex"}
	var old, sealed [2][]byte
	path := func(i int) string { return segmentPath(s.l.Path(), 0, suffixes[i]) }
	for i := range suffixes {
		old[i] = content(t, mem, path(i))
	}
	s = start(t, mem, cfg)
	s.written = written
	for i := int64(1); len(s.l.Segments()) == 1; i++ {
		s.put(records(1, 100, 1000+i))
	}
	written = s.written
	for i := range suffixes {
		sealed[i] = content(t, mem, path(i))
		rewriteFile(t, mem, path(i), func([]byte) []byte { return old[i] })
	}
	if err := s.dir.Checkpoint(map[TP]int64{{"topic", 0}: s.l.Segments()[1].Base}); err != nil {
		t.Fatal(err)
	}
	mem = mem.Kill()
	s = start(t, mem, cfg)
	s.written = written
	if s.l.Recovery.RebuiltIndexes != 1 {
		t.Errorf("rebuilt %d indexes, want 1", s.l.Recovery.RebuiltIndexes)
	}
	// A stop marks its time, which nobody knows any more: the last entry counts.
	for i, entry := range []int{offsetEntryBytes, timeEntryBytes} {
		got, want := content(t, mem, path(i)), sealed[i]
		if len(got) < entry || !bytes.HasSuffix(want, got[len(got)-entry:]) {
			t.Errorf("%s has %x, want an end as sealing wrote it, %x", path(i), got, want)
		}
	}
	s.check()
}

// With a recovery point only the segments above it are read back.
func TestRecoveryPointSavesReading(t *testing.T) {
	cfg := smallConfig()
	mem := disk.NewMem()
	s := start(t, mem, cfg)
	for i := range int64(400) {
		s.put(records(1, 100, 1000+i))
	}
	segs := s.l.Segments()
	written := s.written
	if err := s.dir.Checkpoint(map[TP]int64{{"topic", 0}: segs[len(segs)-1].Base}); err != nil {
		t.Fatal(err)
	}
	s = start(t, mem.Kill(), cfg)
	s.written = written
	if got, all := s.l.Recovery.ReadBytes, s.l.SizeBytes(); got > all {
		t.Errorf("read %d bytes of a log of %d", got, all)
	}
	if s.l.EndOffset() != 400 {
		t.Errorf("end %d, want 400", s.l.EndOffset())
	}
	s.check()
}

// A swap file takes the place of the segments it covers.
func TestSwapIsFinished(t *testing.T) {
	cfg := smallConfig()
	mem := disk.NewMem()
	s := start(t, mem, cfg)
	for i := range int64(40) {
		s.put(records(1, 100, 1000+i))
	}
	written := s.written
	s.stop()
	dir := s.l.Path()
	segs := s.l.Segments()
	var joined []byte
	for _, seg := range segs[:2] {
		joined = append(joined, content(t, mem, seg.Path(dir))...)
	}
	if err := disk.WriteFileSync(mem, segmentPath(dir, 0, ".log.swap"), joined); err != nil {
		t.Fatal(err)
	}
	s = start(t, mem, cfg)
	s.written = written
	if got := len(s.l.Segments()); got != len(segs)-1 {
		t.Errorf("%d segments, want %d", got, len(segs)-1)
	}
	s.check()
	s.stop()
	verifyClosed(t, mem, dir)
}

// The indexes of the segment that goes say nothing of the one that takes its place,
// though they may look as if: here the record with the latest time was removed, and
// another is as late or none is left. A kill may have come when the old .log had
// gone and its indexes had not.
func TestSwapTakesNoOldIndex(t *testing.T) {
	for _, c := range []struct {
		name      string
		gone      bool // the old .log
		keep      bool // all records but the first
		timeindex []byte
	}{
		{"one record less", false, true, []byte{6: 1000 >> 8, 7: 1000 & 255, 11: 1}},
		{"one record less, the old .log has gone", true, true, []byte{6: 1000 >> 8, 7: 1000 & 255, 11: 1}},
		{"no record left", false, false, nil},
		{"no record left, the old .log has gone", true, false, nil},
	} {
		cfg := smallConfig()
		cfg.IndexIntervalBytes = cfg.SegmentBytes
		mem := disk.NewMem()
		s := start(t, mem, cfg)
		for len(s.l.Segments()) < 3 {
			s.put(records(1, 100, 1000))
		}
		dir, segs := s.l.Path(), s.l.Segments()
		if err := s.dir.Checkpoint(map[TP]int64{{"topic", 0}: segs[2].Base}); err != nil {
			t.Fatal(err)
		}
		var kept []byte
		if c.keep {
			old := content(t, mem, segs[0].Path(dir))
			kept = old[len(old)/int(segs[1].Base):]
		}
		if err := disk.WriteFileSync(mem, segmentPath(dir, 0, ".log.swap"), kept); err != nil {
			t.Fatal(err)
		}
		if c.gone {
			if err := mem.Rename(segs[0].Path(dir), segs[0].Path(dir)+".deleted"); err != nil {
				t.Fatal(err)
			}
		}
		s = start(t, mem.Kill(), cfg)
		s.stop()
		if got := content(t, s.fs, segmentPath(dir, 0, ".timeindex")); !bytes.Equal(got, c.timeindex) {
			t.Errorf("%s: the time index is %v, want %v", c.name, got, c.timeindex)
		}
	}
}

func TestStartOffsetSurvives(t *testing.T) {
	mem := disk.NewMem()
	s := start(t, mem, smallConfig())
	for i := range int64(40) {
		s.put(records(1, 100, 1000+i))
	}
	if code := s.l.SetStartOffset(5, s.l.EndMark()); code != 0 {
		t.Fatalf("code %d", code)
	}
	if err := s.dir.Checkpoint(nil); err != nil {
		t.Fatal(err)
	}
	if s = start(t, mem.Kill(), smallConfig()); s.l.StartOffset() != 5 {
		t.Errorf("start %d, want 5", s.l.StartOffset())
	}
	if _, err := s.fs.Stat(s.l.Path()); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if got, err := s.dir.Partitions(); err != nil || !slices.Equal(got, []PartitionRef{{TP{"topic", 0}, testID}}) {
		t.Errorf("partitions %v", got)
	}
}

// Age counts from the first batch of the active segment, also after a restart.
func TestAgeSurvivesAStop(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SegmentMs, cfg.IndexIntervalBytes = 50, 0
	mem := disk.NewMem()
	s := start(t, mem, cfg)
	for _, ts := range []int64{1000, 1020, 1040} {
		s.put(records(1, 10, ts))
	}
	s.stop()
	s = start(t, mem, cfg)
	if _, v, _ := s.put(records(1, 10, 1050)); v != Write {
		t.Errorf("as old as allowed: %v", v)
	}
	if _, v, _ := s.put(records(1, 10, 1051)); v != RollThenWrite {
		t.Errorf("older than allowed: %v", v)
	}
}

// A producer that was cut off repeats what it has no answer to, five batches at the
// most. The segment was rolled just before, and its snapshot knows the last alone.
func TestRepeatedBehindARoll(t *testing.T) {
	cfg := smallConfig()
	mem := disk.NewMem()
	s := start(t, mem, cfg)
	var bases []int64
	seq := int32(0)
	for len(bases) < 5 || s.l.ActiveSegment().Base != bases[len(bases)-1] {
		a, v, code := s.put(sequence(7, 0, seq, 1))
		if v != Write && v != RollThenWrite {
			t.Fatalf("sequence %d: %v, code %d", seq, v, code)
		}
		bases = append(bases, a.Base)
		seq++
	}
	s = start(t, mem.Kill(), cfg)
	for i := len(bases) - 5; i < len(bases); i++ {
		if a, v, code := s.put(sequence(7, 0, int32(i), 1)); v != Duplicate || a.Base != bases[i] {
			t.Errorf("sequence %d again: %v, code %d, offset %d, want a duplicate at %d", i, v, code, a.Base, bases[i])
		}
	}
}
