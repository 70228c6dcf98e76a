package partition

import (
	"sync"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

func openLog(t *testing.T) *log.Log {
	t.Helper()
	d, err := log.OpenDir(disk.NewMem(), "/logs", log.DirOptions{ClusterID: "c", NodeID: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenLog("t", 0, [16]byte{1}, log.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendOne(t *testing.T, l *log.Log) log.Mark {
	t.Helper()
	b := batch.NewBuilder(0, 0)
	b.Append(1000, nil, []byte("v"))
	raw := append([]byte(nil), b.Close()...)
	var h batch.Header
	if code := batch.Check(raw, &h, 1<<20); code != 0 {
		t.Fatalf("check: code %d", code)
	}
	var a log.Append
	if v, code := l.Prepare(raw, &h, &batch.Validator{}, 1000, 0, &a); v != log.Write {
		t.Fatalf("prepare: %v, code %d", v, code)
	}
	l.Commit(&a)
	return a.End()
}

// TestHighWatermarkFollowsDurability: appending moves the end only, the promise
// moves the high watermark, and never backwards.
func TestHighWatermarkFollowsDurability(t *testing.T) {
	p := New("t", [16]byte{1}, 0, openLog(t), 0)
	first := appendOne(t, p.Log)
	second := appendOne(t, p.Log)
	if hw := p.HighWatermark(); hw.Offset != 0 {
		t.Fatalf("high watermark after appends: got %d, want 0", hw.Offset)
	}
	if !p.Durable(second) || p.HighWatermark() != second {
		t.Fatalf("high watermark: got %+v, want %+v", p.HighWatermark(), second)
	}
	if p.Durable(first) || p.HighWatermark() != second {
		t.Fatalf("high watermark went back to %+v", p.HighWatermark())
	}
}

// TestDurableBeyondTheEndPanics: a shell that acknowledges what was never
// appended is broken, and must not go on.
func TestDurableBeyondTheEndPanics(t *testing.T) {
	p := New("t", [16]byte{1}, 0, openLog(t), 0)
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	p.Durable(log.Mark{Offset: 1})
}

// TestReadersSeeWholeMarks: offset and position of a mark belong together
// whenever they are read. With -race it also shows that reading needs no lock.
func TestReadersSeeWholeMarks(t *testing.T) {
	p := New("t", [16]byte{1}, 0, openLog(t), 0)
	size := appendOne(t, p.Log).Pos
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				if m := p.HighWatermark(); m.Pos != m.Offset*size {
					t.Errorf("torn mark %+v: position %d is not %d batches of %d", m, m.Pos, m.Offset, size)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range 2000 {
		p.Durable(appendOne(t, p.Log))
	}
	close(stop)
	wg.Wait()
}

func TestFailedStaysFailed(t *testing.T) {
	p := New("t", [16]byte{1}, 0, openLog(t), 0)
	if p.Failed() {
		t.Fatal("a fresh partition has failed")
	}
	if p.Fail(); !p.Failed() {
		t.Fatal("a failed partition has not")
	}
}
