//go:build invariants && linux

package arena

import (
	"runtime"
	"strings"
	"testing"
)

func TestForeignThreadIsStopped(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	a := newArena(t, 1<<20)
	a.Touch()
	got := make(chan any)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer func() { got <- recover() }()
		a.Alloc(1)
	}()
	if v, ok := (<-got).(string); !ok || !strings.Contains(v, "alloc on a foreign thread") {
		t.Errorf("Alloc on a foreign thread: %v", v)
	}
}

func TestFreedMemoryIsPoisoned(t *testing.T) {
	a := newArena(t, 1<<20)
	for _, n := range []int{512, 4096, 256 << 10} {
		b := a.Alloc(n)
		mem := b.B
		b.B = b.B[:1] // a holder that cut the slice must not save the rest
		b.Release(a)
		for i := range mem {
			if mem[i] != 0xCC {
				t.Fatalf("byte %d of %d is %#x after the release, want 0xCC", i, n, mem[i])
			}
		}
	}
}
