package arena

import "github.com/ceteris/ceteris/models/iobuf"

// OnLow sets what gives memory back when it runs low: evicting the batch cache.
// It is told how many bytes are wanted, runs on the owner's thread from Reclaim
// or TryReclaimAlloc, never from inside Alloc, and may release buffers.
func (a *Arena) OnLow(reclaim func(wantBytes int)) { a.onLow = reclaim }

// NeedReclaim reports whether free memory is below the low-water mark or a
// request was refused since the last Reclaim. Owner only; the shard's loop asks
// once per round.
func (a *Arena) NeedReclaim() bool {
	return a.onLow != nil && (a.wanted > 0 || a.FreeBytes() < a.lowWater)
}

// Reclaim runs the hook if it is needed, asking for a quarter more than the mark
// so that the next round does not ask again. Owner only. It returns the bytes
// that came free.
func (a *Arena) Reclaim() int64 {
	if !a.NeedReclaim() {
		return 0
	}
	want := max(a.lowWater+a.lowWater/4-a.FreeBytes(), a.wanted)
	a.wanted = 0
	return a.reclaim(want)
}

// TryReclaimAlloc is Alloc for a caller that may run the hook right here: it asks
// for ever more until the request fits or nothing comes free. Owner only.
func (a *Arena) TryReclaimAlloc(n int, p Purpose) *iobuf.Buf {
	if a.inject != nil && a.inject(n, p) {
		a.refused(n)
		return nil
	}
	if b := a.alloc(n, p); b != nil {
		return b
	}
	if a.onLow == nil || n > len(a.region) {
		a.refused(n)
		return nil
	}
	for want := int64(max(n, PageBytes)); ; want *= 2 {
		freed := a.reclaim(min(want, int64(len(a.region))))
		if b := a.alloc(n, p); b != nil {
			return b
		}
		if freed <= 0 {
			a.n.failures++
			return nil
		}
	}
}

func (a *Arena) reclaim(want int64) int64 {
	a.n.reclaims++
	before := a.FreeBytes()
	a.onLow(int(want))
	a.Drain()
	freed := a.FreeBytes() - before
	a.n.reclaimed += max(freed, 0)
	return freed
}
