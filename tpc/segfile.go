package tpc

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/tpc/arena"
)

// segFile is a segment's file as the appender sees it: created when the log
// rolls, zero-filled ahead of its end while it grows, sealed when it has stopped
// growing. All of that blocks and therefore runs off the shard's thread.
type segFile struct {
	seg        *log.Segment
	file       disk.File // nil while it is being created
	flushed    int64
	end        int64
	prewritten int64
	step       int64       // how much the next zero-fill adds, bytes; 0 when none will
	growing    bool        // a zero-fill is under way above prewritten
	enough     atomic.Bool // tells that zero-fill to stop
	sealed     bool        // rolled: no further appends
	synced     bool        // sealed, and all its files are on the device
}

// rolledPrewrite bounds the first step in a segment that follows another: what
// the log has grown to there counts, but the next roll may not come soon.
const rolledPrewrite = 256 << 10

// rollIdle ends a segment that retention wants although nothing follows it.
func (a *appender) rollIdle() {
	next := log.Append{Base: a.p.Log.EndOffset()}
	_, fresh := a.p.Log.Roll(&next)
	a.roll(fresh)
	a.p.s.markDirty(a.p)
}

// roll goes on in a fresh segment. Its file is made off this thread; bytes
// collect in chunks meanwhile.
func (a *appender) roll(fresh *log.Segment) {
	a.dropParked() // the last segment is on the device, or nothing would be parked
	last := a.tailFile()
	last.sealed = true
	last.enough.Store(true)
	f := &segFile{seg: fresh, step: max(a.p.s.firstPrewrite, min(last.step, rolledPrewrite))}
	a.files = append(a.files, f)
	var made disk.File // the worker's until it is done
	a.p.s.fileWork(a.p, func() (err error) {
		made, err = a.p.s.b.createSegment(a.p.dir, fresh)
		return err
	}, func(err error) {
		if err != nil {
			a.p.fail(fmt.Errorf("creating segment %d: %w", fresh.Base, err))
			return
		}
		f.file, fresh.File = made, made
		a.p.s.markDirty(a.p)
	})
}

// seal gives a rolled segment its exact length and its final indexes.
func (a *appender) seal(f *segFile) {
	a.sealing = append(a.sealing, f)
	s := a.p.s
	s.fileWork(a.p, func() error {
		return log.SealSegment(s.b.fs, a.p.dir, f.seg)
	}, func(err error) {
		if err != nil {
			a.p.fail(fmt.Errorf("sealing segment %d: %w", f.seg.Base, err))
			return
		}
		f.synced = true
		a.noteSynced()
	})
}

// noteSynced publishes how far recovery may trust the log: to the end of the
// last segment of which everything, and of all before it, is on the device for
// good. Seals overtake each other. Beyond that, writes that were durable one by
// one count when no seal is outstanding below them.
func (a *appender) noteSynced() {
	n := 0
	for n < len(a.sealing) && a.sealing[n].synced {
		n++
	}
	if n > 0 {
		kept := copy(a.sealing, a.sealing[n:])
		clear(a.sealing[kept:])
		a.sealing = a.sealing[:kept]
	}
	at := a.files[0].seg.Base
	if len(a.sealing) > 0 {
		at = a.sealing[0].seg.Base
	} else if a.p.s.durability == models.Power && len(a.files) == 1 {
		at = max(at, a.p.HighWatermark().Offset)
	}
	a.p.synced.Store(max(at, a.p.synced.Load()))
}

// grow zero-fills ahead of the end when little is left, twice as much each time
// up to the configured most, so that a quiet partition costs nothing and a busy
// one never extends its file again. It takes only blocks above all that may be dirty,
// so the write that is due goes out beside it.
func (a *appender) grow(f *segFile) {
	s := a.p.s
	if !s.prewrite || a.brought < s.firstPrewrite || f.sealed || f.growing || f.step == 0 || a.p.moving || f.prewritten-f.end >= f.step/2 || f.prewritten >= a.segmentBytes {
		return
	}
	from := max(f.prewritten, (f.end+disk.Align-1)&^(disk.Align-1))
	n := min(f.step, max(a.segmentBytes-from, disk.Align)+disk.Align-1) &^ (disk.Align - 1)
	f.prewritten, f.growing = from, true
	f.step = min(2*f.step, s.maxPrewrite)
	s.fileWork(a.p, func() error { return s.b.out.zeroFill(f.file, from, n, &f.enough) }, func(err error) {
		f.growing = false
		if err == nil && f.enough.Load() && !f.sealed {
			// A move stopped it somewhere; the next owner begins where it began.
		} else if err == nil {
			f.prewritten += n
			s.zeroed.Add(uint64(n))
		} else {
			// Not an error yet (a full disk, say): the append that needs the space
			// will say so. Trying again and again would not make any.
			f.step = 0
		}
		a.p.s.markDirty(a.p)
	})
}

// zeroFill writes zeros over [from, from+n) of a file, in pieces, so that no
// append waits behind a long write and it ends soon when enough says so.
func zeroFill(fd int, from, n int64, enough *atomic.Bool) error {
	// Reserved first, the zeros overwrite blocks inside the file and share its
	// lock with the appends; extending the file would take it alone.
	err := unix.Fallocate(fd, 0, from, n)
	if err == unix.EOPNOTSUPP {
		err = nil
	}
	zeros := zeros()
	for off := int64(0); off < n && err == nil && !enough.Load(); {
		piece := zeros[:min(n-off, int64(len(zeros)))]
		var w int
		w, err = unix.Pwrite(fd, piece, from+off)
		off += int64(w)
	}
	return err
}

// zeros is an aligned piece of nothing, shared and never written.
var zeros = sync.OnceValue(func() []byte { return arena.Zeros(256 << 10) })
