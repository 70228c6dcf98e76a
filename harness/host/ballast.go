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
// From cell to cell only what was let go of is touched again. The zero value
// holds nothing. A Ballast belongs to one goroutine at a time.
type Ballast struct {
	mem  []byte
	gone int64 // bytes let go of, from the beginning of mem
	from int64 // gone, when it was last filled
}

// Ballast leaves aheadBytes free beyond what was written, and looks every
// ballastStep how much that is: at 5 GB/s the lead is never used up.
const (
	aheadBytes  = 256 << 20
	ballastStep = 20 * time.Millisecond
	pieceBytes  = 2 << 20 // a huge page
)

// Fill makes the ballast hold at least so many bytes. The error says why it
// could not; it holds nothing then.
func (b *Ballast) Fill(bytes int64) (err error) {
	bytes = (max(bytes, 0) + pieceBytes - 1) / pieceBytes * pieceBytes
	if bytes > int64(len(b.mem)) {
		b.Close()
		if b.mem, err = reserve(bytes); err != nil {
			return err
		}
		b.gone = int64(len(b.mem))
	}
	if to := max(int64(len(b.mem))-bytes, 0); to < b.gone {
		touch(b.mem[to:b.gone])
		b.gone = to
	}
	b.from = b.gone
	return nil
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
		b.letGo(b.from + n + aheadBytes)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// letGo frees the memory up to byte n, in whole pieces.
func (b *Ballast) letGo(n int64) {
	n = min((n+pieceBytes-1)/pieceBytes*pieceBytes, int64(len(b.mem)))
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
	}
	*b = Ballast{}
}
