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

// zeroFill keeps zeros ahead of a direct file's end, written by a background
// thread: an append that overwrites blocks inside the file needs no metadata of
// the file system. A log that nobody writes to gets none: the first bytes extend
// the file, then the steps double.
type zeroFill struct {
	lock     kernel.Mutex // held over the write of a piece
	upTo     atomic.Int64 // blocks below are the appender's; zeros go above only
	step     int64        // what the next round adds, bytes; the appender's
	maxStep  int64
	fileMost int64 // where the segment ends at the latest
	running  atomic.Bool
	enough   atomic.Bool // rolled, or zeros could not be written: no more of them
	written  *atomic.Uint64
}

// firstPrewrite is how much a log grows by extending its file, and the first
// step after that, bytes: as in the other model.
const firstPrewrite = 16 << 10

// zeroPiece is how much one write of zeros has at most, so that an append never
// waits for more.
const zeroPiece = 256 << 10

var noughts = sync.OnceValue(func() []byte { return arena.Zeros(zeroPiece) })

func (z *zeroFill) begin(b *Broker, end, fileMost int64) {
	z.lock.Go(b.gogo)
	z.upTo.Store(blockUp(end))
	z.step, z.maxStep = firstPrewrite, b.cfg.Int("prewrite.max.bytes")
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

// due reports whether a round should begin; the caller then runs it elsewhere.
// One thread at a time, behind its write.
func (f *directFile) zerosDue() (step int64, due bool) {
	z := &f.zeros
	upTo := z.upTo.Load()
	if f.direct == nil || f.brought < firstPrewrite || z.enough.Load() || z.running.Load() ||
		upTo-f.end >= z.step/2 || upTo >= z.fileMost {
		return 0, false
	}
	step = z.step
	z.step = min(2*step, z.maxStep)
	z.running.Store(true)
	return step, true
}

// fillZeros is one round, on a background thread. It reserves the blocks first:
// zeros then overwrite what is inside the file, as appends do.
func (f *directFile) fillZeros(step int64) {
	z := &f.zeros
	defer z.running.Store(false)
	from := z.upTo.Load()
	to := from + blockUp(min(step, max(z.fileMost-from, disk.Align)))
	if z.enough.Load() {
		return
	}
	err := f.direct.Reserve(from, to-from)
	for err == nil && !z.enough.Load() && z.upTo.Load() < to {
		err = z.piece(f, to)
	}
	if err != nil {
		// Not an error of the log yet (a full disk, say): the append that needs
		// the space will say so. Trying again and again would not make any.
		z.enough.Store(true)
		slog.Warn("no more zeros are written ahead of a segment's end", "error", err)
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

// prewrite has zeros written ahead of a direct file's end if it is time. Behind
// an append, on its thread.
func (b *Broker) prewrite(r *replica, f *directFile) {
	step, due := f.zerosDue()
	if !due {
		return
	}
	r.errands.Add(1)
	r.chores.add(b.background, func() {
		defer r.errands.Done()
		f.fillZeros(step)
	})
}
