package arena

import "math/rand/v2"

// Injector decides whether a request is to fail as if memory were exhausted.
// For tests: what is asked of the arena then, and by whom, is repeatable.
type Injector func(n int, p Purpose) bool

// Inject makes requests fail as f says; nil ends it. A request fails before the
// reclaim hook is asked. Owner only, or before the owner starts.
func (a *Arena) Inject(f Injector) { a.inject = f }

// FailNth fails the nth request from now, counted from 1, and no other.
func FailNth(n int) Injector {
	return func(int, Purpose) bool {
		n--
		return n == 0
	}
}

// FailShare fails a share of all requests, 0 to 1, chosen by the seed alone.
func FailShare(seed uint64, share float64) Injector {
	rng := rand.New(rand.NewPCG(seed, seed))
	return func(int, Purpose) bool { return rng.Float64() < share }
}

// refused counts a request that gets nothing.
func (a *Arena) refused(n int) {
	a.n.failures++
	if n <= len(a.region) { // reclaiming can help
		a.wanted = max(a.wanted, int64(n))
	}
}

// large counts a request above the data path's sizes and reports the first of
// each span size, or the first that whoever is told finds worth it: such spans
// break the memory up.
func (a *Arena) large(n int, p Purpose) {
	a.n.oversized++
	if seen := uint32(1) << orderOf(n); a.onLarge != nil && a.largeSeen&seen == 0 {
		if a.onLarge(n, p) {
			a.largeSeen |= seen
		}
	}
}

// OnLarge sets who is told of the first request of every span size above
// DataPathBytes. It runs inside the allocation, on the owner's thread, and must
// not use the arena. When f says that it has not reported it, the next is told.
func (a *Arena) OnLarge(f func(n int, p Purpose) (reported bool)) { a.onLarge = f }
