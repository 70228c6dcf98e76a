package arena

import (
	"testing"

	"github.com/ceteris/ceteris/models/iobuf"
)

// cache is what a batch cache is to the arena: buffers it can live without.
type cache struct {
	a     *Arena
	held  []*iobuf.Buf
	wants []int
}

func (c *cache) fill(n, count int) {
	for range count {
		if b := c.a.Alloc(n); b != nil {
			c.held = append(c.held, b)
		}
	}
}

func (c *cache) evict(want int) {
	c.wants = append(c.wants, want)
	for freed := 0; freed < want && len(c.held) > 0; {
		freed += len(c.held[0].B)
		c.held[0].Release(c.a)
		c.held = c.held[1:]
	}
}

func TestReclaimIsNeverInsideAlloc(t *testing.T) {
	a := newArena(t, 1<<20)
	c := &cache{a: a}
	a.OnLow(c.evict)
	c.fill(64<<10, 14)
	if a.NeedReclaim() {
		t.Fatal("reclaim wanted with an eighth free, the mark is a sixteenth")
	}
	c.fill(64<<10, 3) // the last one is refused
	if len(c.wants) != 0 {
		t.Fatal("Alloc ran the hook")
	}
	if !a.NeedReclaim() {
		t.Fatal("no reclaim wanted from an empty arena")
	}
	freed := a.Reclaim()
	if len(c.wants) != 1 || c.wants[0] != (64+16)<<10 || freed != 128<<10 {
		t.Errorf("hook asked for %v and freed %d, want [81920] and 131072", c.wants, freed)
	}
	if a.NeedReclaim() || a.Reclaim() != 0 || len(c.wants) != 1 {
		t.Error("reclaim goes on above the mark")
	}
	c.evict(1 << 20)
}

// Scattered free pages do not make a span: the hook is asked for more and more.
func TestTryReclaimAllocAgainstFragmentation(t *testing.T) {
	a := newArena(t, 1<<20)
	c := &cache{a: a}
	a.OnLow(c.evict)
	c.fill(PageBytes, 256)
	for i := range len(c.held) / 2 { // evict every other page first
		c.held[i], c.held[i*2] = c.held[i*2], c.held[i]
	}
	b := a.TryReclaimAlloc(256<<10, Frames)
	if b == nil {
		t.Fatal("refused though everything could be evicted")
	}
	b.Release(a)
	if s := a.Stats(); s.Failures != 0 || s.Reclaims != int64(len(c.wants)) || s.ReclaimedBytes == 0 {
		t.Errorf("failures %d reclaims %d reclaimed %d, want 0, %d, some", s.Failures, s.Reclaims, s.ReclaimedBytes, len(c.wants))
	}
	c.evict(1 << 20)
}

func TestTryReclaimAllocGivesUp(t *testing.T) {
	a := newArena(t, 1<<20)
	all := a.Alloc(1 << 20)
	calls := 0
	a.OnLow(func(int) { calls++ })
	if b := a.TryReclaimAlloc(4096, Frames); b != nil || calls != 1 || a.Stats().Failures != 1 {
		t.Errorf("got %v after %d calls and %d failures, want nil, 1, 1", b, calls, a.Stats().Failures)
	}
	if b := a.TryReclaimAlloc(2<<20, Frames); b != nil || calls != 1 {
		t.Errorf("more than the region: got %v after %d calls, want nil without another", b, calls)
	}
	all.Release(a)
}
