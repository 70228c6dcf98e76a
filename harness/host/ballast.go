package host

import (
	"context"
	"time"
)

// Ballast is memory that was touched before a cell and is let go of while the
// broker's page cache grows. A hypervisor takes back what its guest frees,
// within seconds, and the guest pays at the next touch: measured 2.3 ms of CPU a
// MiB instead of 0.2 ms. That would fall on whichever broker goes through the
// page cache, and never on direct I/O. To write a file and to remove it does not
// help where more is written than the hypervisor leaves alone, about 1 GiB.
//
// The zero value holds nothing. A Ballast belongs to one goroutine at a time.
type Ballast struct {
	mem  []byte
	gone int64 // bytes let go of, from the beginning of mem
}

// Ballast leaves aheadBytes free beyond what was written, and looks every
// ballastStep how much that is: at 5 GB/s the lead is never used up.
const (
	aheadBytes  = 256 << 20
	ballastStep = 20 * time.Millisecond
)

// NewBallast touches so many bytes of memory. The error says why it could not.
func NewBallast(bytes int64) (*Ballast, error) {
	if bytes <= 0 {
		return &Ballast{}, nil
	}
	mem, err := touched(bytes)
	return &Ballast{mem: mem}, err // holds nothing after an error
}

// Follow lets go of as much as the process writes, and of aheadBytes more, until
// ctx is done. written is its bytes so far, negative where the kernel does not
// tell: then everything goes at once.
func (b *Ballast) Follow(ctx context.Context, written func() int64) {
	tick := time.NewTicker(ballastStep)
	defer tick.Stop()
	for b.gone < int64(len(b.mem)) {
		n := written()
		if n < 0 {
			n = int64(len(b.mem))
		}
		b.letGo(n + aheadBytes)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// letGo frees the memory up to byte n, in whole pieces.
func (b *Ballast) letGo(n int64) {
	const piece = 2 << 20 // a huge page
	n = min((n+piece-1)/piece*piece, int64(len(b.mem)))
	if n <= b.gone {
		return
	}
	untouch(b.mem[b.gone:n])
	b.gone = n
}

// Close frees what is left.
func (b *Ballast) Close() {
	if b.mem != nil {
		unmap(b.mem)
		*b = Ballast{}
	}
}
