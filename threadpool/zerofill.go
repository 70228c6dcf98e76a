package threadpool

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// zeroFill prepares a direct file ahead of its end, as [disk.Ahead] decides, on a
// background thread: an append that overwrites blocks inside the file needs no
// metadata of the file system.
type zeroFill struct {
	ahead    disk.Ahead   // the appender's
	lock     kernel.Mutex // held over the write of a piece
	upTo     atomic.Int64 // blocks below are the appender's; zeros go above only
	fileMost int64        // where the segment ends at the latest
	running  atomic.Bool
	enough   atomic.Bool // rolled, or it could not be prepared: no more of it
	written  *atomic.Uint64
}

// zeroPiece is how much one write of zeros has at most, so that an append never
// waits for more.
const zeroPiece = 256 << 10

var noughts = sync.OnceValue(func() []byte { return arena.Zeros(zeroPiece) })

func (z *zeroFill) begin(b *Broker, end, fileMost int64) {
	z.lock.Go(b.gogo)
	z.upTo.Store(blockUp(end))
	z.ahead = disk.NewAhead(disk.FirstAhead, b.cfg.Int("prewrite.max.bytes"))
	z.fileMost = fileMost
	z.written = &b.zeroed
}

// claim makes the blocks below to the appender's, who waits for a piece of zeros
// that is being written there.
func (z *zeroFill) claim(to int64) {
	if to <= z.upTo.Load() {
		return
	}
	z.lock.Lock()
	z.upTo.Store(max(z.upTo.Load(), to))
	z.lock.Unlock()
}

// stretch is a range to prepare, with zeros or by reserving its blocks only.
type stretch struct {
	from, to int64
	zeros    bool
}

// due is what to prepare now, which the caller then has done elsewhere; false
// when there is nothing, or the last stretch is still under way. One thread at a
// time, behind its write.
func (f *directFile) due() (s stretch, ok bool) {
	z := &f.zeros
	if f.direct == nil || z.enough.Load() || z.running.Load() {
		return s, false
	}
	from, n, zeros := z.ahead.Next(f.end, z.upTo.Load(), z.fileMost)
	if n == 0 {
		return s, false
	}
	z.running.Store(true)
	return stretch{from, from + n, zeros}, true
}

// prepare does it, on a background thread. Blocks are reserved first: zeros then
// overwrite what is inside the file, as appends do.
func (f *directFile) prepare(s stretch) {
	z := &f.zeros
	defer z.running.Store(false)
	if z.enough.Load() {
		return
	}
	err := f.direct.Reserve(s.from, s.to-s.from)
	if err == nil && !s.zeros {
		z.lock.LockAside()
		z.upTo.Store(max(z.upTo.Load(), s.to))
		z.lock.Unlock()
	}
	for err == nil && !z.enough.Load() && z.upTo.Load() < s.to {
		err = z.piece(f, s.to)
	}
	if err != nil {
		// Not an error of the log yet (a full disk, say): the append that needs
		// the space will say so. Trying again and again would not make any.
		z.enough.Store(true)
		slog.Warn("nothing is prepared ahead of a segment's end any more", "error", err)
	}
}

// piece writes the next zeros below to.
func (z *zeroFill) piece(f *directFile, to int64) error {
	z.lock.LockAside()
	defer z.lock.Unlock()
	at := z.upTo.Load()
	n := min(to-at, zeroPiece)
	if n <= 0 {
		return nil
	}
	if _, err := f.direct.WriteAt(noughts()[:n], at); err != nil {
		return fmt.Errorf("%d zeros at %d: %w", n, at, err)
	}
	z.upTo.Store(at + n)
	z.written.Add(uint64(n))
	return nil
}

// prewrite has a direct file prepared ahead of its end if it is time. Behind an
// append, on its thread.
func (b *Broker) prewrite(r *replica, f *directFile) {
	s, ok := f.due()
	if !ok {
		return
	}
	r.errands.Add(1)
	r.chores.add(b.background, func() {
		defer r.errands.Done()
		f.prepare(s)
	})
}
