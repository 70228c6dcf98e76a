package arena

import (
	"runtime"
	"sync"
	"testing"

	"github.com/ceteris/ceteris/models/iobuf"
)

// Buffers released on other threads all come home, each once, while the owner
// allocates, writes and drains.
func TestForeignFrees(t *testing.T) {
	const rounds, threads = 20000, 3
	a := newArena(t, 4<<20)
	work := make(chan *iobuf.Buf, 64)
	var others sync.WaitGroup
	for range threads {
		others.Go(func() {
			for b := range work {
				if b.B[0] != b.B[len(b.B)-1] {
					t.Error("a buffer changed on its way")
				}
				b.Release(nil)
			}
		})
	}
	sizes := []int{512, 2048, 4096, 64 << 10}
	sent := 0
	for i := range rounds {
		a.Drain()
		b := a.Alloc(sizes[i%len(sizes)])
		if b == nil {
			runtime.Gosched() // the others hold it all; the next Drain brings it back
			continue
		}
		b.B[0], b.B[len(b.B)-1] = byte(i), byte(i)
		b.Retain() // two holders: the last one decides, whoever it is
		work <- b
		b.Release(a)
		sent++
	}
	close(work)
	others.Wait()
	a.Drain()
	s := a.Stats()
	if s.Allocs != s.Frees || s.ForeignFrees == 0 || s.ForeignFrees > s.Frees || sent == 0 {
		t.Errorf("allocs %d frees %d foreign %d sent %d: want all back, some foreign", s.Allocs, s.Frees, s.ForeignFrees, sent)
	}
	whole(t, a)
}

func TestScrapeFromAnotherThread(t *testing.T) {
	a := newArena(t, 1<<20)
	b := a.Alloc(4096)
	type answer struct {
		s     Stats
		fresh bool
	}
	got := make(chan answer)
	woken := make(chan struct{})
	go func() {
		s, fresh := a.Scrape(1<<40, func() { close(woken) })
		got <- answer{s, fresh}
	}()
	<-woken
	a.Poll()
	if r := <-got; !r.fresh || r.s.UsedBytes != 4096 {
		t.Errorf("fresh %v used %d, want true, 4096", r.fresh, r.s.UsedBytes)
	}
	b.Release(a)
	if s, fresh := a.Scrape(0, nil); fresh || s.UsedBytes != 4096 {
		t.Errorf("without an answer: fresh %v used %d, want the older reading of 4096", fresh, s.UsedBytes)
	}
}
