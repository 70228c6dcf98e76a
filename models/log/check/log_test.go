package check

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// writer appends to a real log the way a broker with blocking writes does.
type writer struct {
	t   *testing.T
	dir *log.Dir
	l   *log.Log
	v   batch.Validator
	now int64
}

func openWriter(t *testing.T, path string) *writer {
	t.Helper()
	dir, err := log.OpenDir(disk.OS, path, log.DirOptions{ClusterID: "c", NodeID: 1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := log.DefaultConfig()
	cfg.SegmentBytes, cfg.IndexIntervalBytes = 20_000, 500
	l, err := dir.OpenLog("with-dash", 3, [16]byte{1, 2}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range l.Segments() {
		if s.File, err = disk.OS.Open(s.Path(l.Path()), os.O_RDWR); err != nil {
			t.Fatal(err)
		}
	}
	return &writer{t: t, dir: dir, l: l, now: 1_700_000_000_000}
}

func (w *writer) append(b []byte, epoch int32, ahead int) {
	w.t.Helper()
	var h batch.Header
	var a log.Append
	if code, why := batch.CheckWhy(b, &h, 1<<20); code != 0 {
		w.t.Fatalf("check: %d %s", code, why)
	}
	verdict, code := w.l.Prepare(b, &h, &w.v, w.now, epoch, &a)
	switch verdict {
	case log.Refused:
		w.t.Fatalf("refused with code %d", code)
	case log.Duplicate:
		return
	case log.RollThenWrite:
		old, fresh := w.l.Roll(&a)
		var err error
		if fresh.File, err = log.CreateSegment(disk.OS, w.l.Path(), fresh); err != nil {
			w.t.Fatal(err)
		}
		if err = log.SealSegment(disk.OS, w.l.Path(), old); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := a.Seg.File.WriteAt(append(b, make([]byte, ahead)...), a.Pos); err != nil {
		w.t.Fatal(err)
	}
	w.l.Commit(&a)
}

// fill appends batches of every codec, with timestamps out of order, headers
// that lie about them, and sequences.
func (w *writer) fill(r *rand.Rand, epoch int32, ahead int) {
	for i := range 120 {
		b := batch.NewBuilder(0, r.IntN(5))
		if i%3 == 0 {
			b.ProducerID, b.ProducerEpoch, b.BaseSequence = int64(epoch*1000)+int64(i), 0, 0
		}
		for range 1 + r.IntN(5) {
			b.Append(w.now+int64(r.IntN(10_000)), []byte("k"), make([]byte, r.IntN(800)))
		}
		raw := b.Close()
		if i%7 == 0 {
			batch.SetMaxTimestamp(raw, batch.CreateTime, w.now+99_999)
		}
		w.append(raw, epoch, ahead)
		w.now += 1000
	}
}

// TestOurLogIsSound: what the log package leaves behind, closed cleanly or
// recovered after a crash, has no problem.
func TestOurLogIsSound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs")
	r := rand.New(rand.NewPCG(1, 2))
	expect := func(when string) {
		t.Helper()
		var out bytes.Buffer
		if n, err := Check(path, &out); n != 0 || err != nil {
			t.Fatalf("%s: %d problems, %v:\n%s", when, n, err, out.String())
		}
	}
	w := openWriter(t, path)
	w.fill(r, 0, 0)
	if err := errors.Join(w.l.Close(disk.OS), w.dir.Close(true)); err != nil {
		t.Fatal(err)
	}
	expect("closed")

	// The second time the process dies with blocks written ahead of its end.
	w = openWriter(t, path)
	w.fill(r, 1, 8192)
	if err := w.dir.Close(false); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if n, _ := Check(path, &out); n == 0 || !bytes.Contains(out.Bytes(), []byte("zeros follow the last batch")) {
		t.Fatalf("after a crash: %d problems:\n%s", n, out.String())
	}
	end := w.l.EndOffset()
	w = openWriter(t, path)
	if w.l.EndOffset() != end {
		t.Fatalf("recovered to offset %d, want %d", w.l.EndOffset(), end)
	}
	w.fill(r, 2, 0)
	if err := errors.Join(w.l.Close(disk.OS), w.dir.Close(true)); err != nil {
		t.Fatal(err)
	}
	expect("recovered and closed")
	segments, _ := filepath.Glob(filepath.Join(path, "with-dash-3", "*.log"))
	if len(segments) < 5 {
		t.Fatalf("only %d segments were written", len(segments))
	}
}
