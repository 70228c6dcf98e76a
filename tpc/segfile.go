package tpc

import (
	"fmt"
	"sync"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// segFile is a segment's file as the appender sees it: created when the log
// rolls, zero-filled ahead of its end while it grows, sealed when it has stopped
// growing. What of that blocks runs off the shard's thread.
type segFile struct {
	seg        *log.Segment
	file       disk.File // nil while it is being created
	flushed    int64
	end        int64
	prewritten int64
	ahead      disk.Ahead
	growing    bool // blocks above prewritten are being prepared
	enough     bool // and is to stop
	sealed     bool // rolled: no further appends
	synced     bool // sealed, and all its files are on the device
}

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
	last.enough = true
	f := &segFile{seg: fresh, ahead: last.ahead.Follow()}
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

// grow prepares blocks ahead of the end when little is left. It takes only blocks
// above all that may be dirty, so the write that is due goes out beside it.
func (a *appender) grow(f *segFile) {
	if f.sealed || f.growing || a.p.moving {
		return
	}
	from, n, zeros := f.ahead.Next(f.end, f.prewritten, a.segmentBytes)
	if n == 0 {
		return
	}
	f.prewritten, f.growing = from, true
	(&zeroFill{a: a, f: f, from: from, n: n}).start(zeros)
}

// filled ends the preparation of n bytes.
func (a *appender) filled(f *segFile, n int64, err error) {
	f.growing = false
	if err == nil && f.enough && !f.sealed {
		// A move stopped it somewhere; the next owner begins where it began.
	} else if err == nil {
		f.prewritten += n
	} else {
		f.ahead.Stop()
	}
	a.p.s.markDirty(a.p)
}

// zeroFill writes zeros over [from, from+n) of a file in pieces, each an
// operation of the background class, so that no append waits behind a long write
// and it ends soon when it is enough.
type zeroFill struct {
	a       *appender
	f       *segFile
	from, n int64
	done    int64 // bytes written
	op      reactor.DiskOp
}

// start reserves the blocks: zeros then overwrite what is inside the file, share
// its lock with the appends and need no kernel worker; extending the file would
// take the lock alone. Reserving blocks, so it happens elsewhere. Large writes need
// no more than that.
func (z *zeroFill) start(zeros bool) {
	p := z.a.p
	p.s.fileWork(p, func() error {
		if d, ok := z.f.file.(*disk.Direct); ok {
			return d.Reserve(z.from, z.n)
		}
		return nil
	}, func(err error) {
		if !zeros {
			z.a.filled(z.f, z.n, err)
			return
		}
		p.jobs++
		z.next(err)
	})
}

// next submits the next piece, or ends it.
func (z *zeroFill) next(err error) {
	if err != nil || z.done == z.n || z.f.enough {
		z.a.p.jobs--
		z.a.filled(z.f, z.n, err)
		return
	}
	zeros := zeros()
	z.op = reactor.DiskOp{
		Kind: reactor.Write, Class: reactor.Background, FD: z.f.file.FD(), Off: z.from + z.done,
		B: zeros[:min(z.n-z.done, int64(len(zeros)))], Done: z,
	}
	z.a.p.s.r.Submit(&z.op)
}

// DiskDone goes on.
func (z *zeroFill) DiskDone(op *reactor.DiskOp) {
	z.done += op.Res
	z.a.p.s.zeroed.Add(uint64(op.Res))
	z.next(op.Err)
}

// zeros is an aligned piece of nothing, shared and never written.
var zeros = sync.OnceValue(func() []byte { return arena.Zeros(256 << 10) })
