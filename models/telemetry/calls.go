package telemetry

import "sync/atomic"

// stripes is how many parts a [StripedCounter] has, a power of two.
const stripes = 16

// StripedCounter may be written by any thread. Writers choose a stripe by
// something that tells them apart, a descriptor say, so that they seldom meet on
// one cache line. It is meant for what costs microseconds, such as system calls,
// beside which its locked instruction is nothing. The zero value is ready.
type StripedCounter struct{ parts [stripes]stripe }

type stripe struct {
	v atomic.Uint64
	_ [56]byte
}

// Inc adds one in the stripe of by. Any thread.
func (c *StripedCounter) Inc(by uintptr) { c.Add(by, 1) }

// Add adds n in the stripe of by. Any thread.
func (c *StripedCounter) Add(by uintptr, n uint64) { c.parts[by%stripes].v.Add(n) }

// Load reads the sum. Any thread.
func (c *StripedCounter) Load() (sum uint64) {
	for i := range c.parts {
		sum += c.parts[i].v.Load()
	}
	return sum
}

// SystemCalls adds a count that a broker keeps where it makes system calls. What
// Go's runtime does for itself is in none of them; only the kernel sees that.
// kind is loop (sockets, waiting, a ring's submissions), wake (threads waking
// each other, and waiting to be woken) or file.
func (g *Registry) SystemCalls(kind, thread string, read func() uint64) {
	g.CounterFunc("system_calls_total", "system calls that the broker makes itself, not those of Go's runtime", read, "kind", kind, "thread", thread)
}
