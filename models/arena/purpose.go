package arena

import "github.com/ceteris/ceteris/models/iobuf"

// Purpose is the subsystem that a buffer's bytes are counted for. Who must yield
// to whom is the shell's to decide; the arena says how much each has.
type Purpose uint8

// The purposes.
const (
	Receive Purpose = iota // what the network receives into, and whatever names no purpose
	Frames                 // frames that lie in no receive buffer, and answers
	Append                 // bytes that the device does not have yet
	Cache                  // bytes that the device can bring back
	Control                // answers of the control plane
	Lent                   // spans that another shard has
	Purposes
)

// String names the purpose as gauges and the dump do.
func (p Purpose) String() string {
	return [...]string{"receive", "frames", "append", "cache", "control", "lent"}[p]
}

// Retag counts a live buffer of this arena for another purpose from now on.
// Owner only. Buffers of other arenas are their lender's and stay as they are.
func (a *Arena) Retag(b *iobuf.Buf, p Purpose) {
	if b.Owner != iobuf.Allocator(a) {
		return
	}
	t := tagOf(b)
	if t.purpose() == Lent {
		return
	}
	n := t.bytes()
	a.n.purpose[t.purpose()] -= n
	a.n.purpose[p] += n
	b.Tag = uint64(t.with(p))
}

// PurposeBytes is what the purpose has now. Owner only.
func (a *Arena) PurposeBytes(p Purpose) int64 { return a.n.purpose[p] }
