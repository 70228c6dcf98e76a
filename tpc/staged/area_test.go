package staged

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/staging"
)

func open(t *testing.T, slots int) (*Area, *iobuf.Heap) {
	t.Helper()
	home := &iobuf.Heap{}
	a, err := Open(Options{Path: filepath.Join(t.TempDir(), "staging", "shard-000"), Layout: staging.Layout{ChunkBytes: 16 << 10, Slots: slots}, Home: home, Files: OS{}})
	if err != nil {
		t.Fatal(err)
	}
	return a, home
}

// live lists what the file has live.
func (a *Area) live(t *testing.T) (slots []staging.Slot) {
	t.Helper()
	file, err := os.ReadFile(a.o.Path)
	if err != nil {
		t.Fatal(err)
	}
	l, boot, err := staging.ParseFile(file)
	if err != nil || l != a.o.Layout || boot != staging.BootID() {
		t.Fatalf("header: %v %q %v", l, boot, err)
	}
	for i := range l.Slots {
		if s, ok := staging.ParseSlot(l.Header(file, i), l.ChunkBytes); ok {
			slots = append(slots, s)
		}
	}
	return slots
}

// TestArea takes a chunk through its life, and sees each step in the file.
func TestArea(t *testing.T) {
	a, home := open(t, 3)
	const chunk = 16 << 10
	slot := staging.Slot{Topic: [16]byte{1}, Index: 2, EntryPos: 2*chunk + 100, EntryOffset: 50}
	b := a.Alloc(chunk)
	for i := range b.B {
		b.B[i] = 0xCC
	}
	if got := a.live(t); len(got) > 0 {
		t.Errorf("before Assign: %v", got)
	}
	a.Assign(b, &slot)
	if got := a.live(t); len(got) != 1 || got[0] != slot {
		t.Errorf("after Assign: %v", got)
	}
	if zeros := make([]byte, staging.GuardBytes); !bytes.Equal(b.B[100:100+len(zeros)], zeros) || b.B[99] != 0xCC || b.B[100+len(zeros)] != 0xCC {
		t.Errorf("no zeros where reading begins: %x", b.B[90:130])
	}
	early := a.Alloc(chunk)
	early.B[0] = 0xCC
	a.Assign(early, &staging.Slot{Topic: [16]byte{1}, Index: 3, EntryPos: 2*chunk + 100, EntryOffset: 50})
	if early.B[0] != 0 {
		t.Error("no zeros at the start of a chunk whose first batch begins before it")
	}
	a.Clean(b)
	if got := a.live(t); len(got) != 1 || got[0].Index != 3 {
		t.Errorf("after Clean: %v", got)
	}
	a.Freeze()
	a.Clean(early)
	b.Release(home)
	early.Release(home)
	if got := a.live(t); len(got) != 1 {
		t.Errorf("frozen: %v", got)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Remove(); err != nil {
		t.Error(err)
	}
}

// TestAreaElsewhere releases chunks on other threads.
func TestAreaElsewhere(t *testing.T) {
	a, _ := open(t, 8)
	for range 100 {
		var all sync.WaitGroup
		n := 0
		for b := a.Alloc(1); b != nil; b = a.Alloc(1) {
			n++
			all.Go(func() { b.Release(nil) })
		}
		if n == 0 {
			t.Fatal("nothing came back")
		}
		all.Wait()
	}
	b := a.Alloc(1)
	if a.Close() == nil {
		t.Fatal("closed with a chunk out")
	}
	b.Release(nil)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
