package tpc

import (
	"fmt"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// maxIov bounds one device write (1 MiB at 64 KiB a chunk), so that a
// backlog is written in pieces and its first waiters need not wait for its last.
const maxIov = reactor.MaxIov

// appender brings a partition's bytes to the device.
//
//	segment   │ on the device │ in flight │ dirty │ zero-filled ahead │
//	          0            flushed      opEnd    end              prewritten
//
// Appends are copied into aligned chunks. One write per partition is in flight;
// everything that arrives meanwhile goes with the next one, so a single write
// acknowledges many requests (group commit). A write starts at the block that
// holds flushed and ends at the block that holds end: the partial tail block is
// written again until it is full. Overwriting blocks that are inside the file
// and already zero-filled is what keeps the write on this thread: an extending
// O_DIRECT write goes to a kernel worker and costs two wake-ups.
type appender struct {
	p       *ownedPartition
	files   []*segFile // oldest first; writes go to the first, appends to the last
	sealing []*segFile // rolled and written, oldest first, until everything about them is on the device
	chunks  chain
	parked  *iobuf.Buf // the last block, when its chunk was given up and it is a partial one
	op      reactor.DiskOp
	opFile  *segFile
	opEnd   int64    // segment position that the write in flight covers
	opMark  log.Mark // the last batch end that it covers; Offset 0 when it covers none
	busy    bool
	wave    int // of the shard's waves, the one that the write in flight belongs to

	unstaged int64 // offset after the last batch of which a part is in no staging file

	segmentBytes int64 // where the log rolls, at the latest
}

func (a *appender) tailFile() *segFile { return a.files[len(a.files)-1] }

// reserve makes sure that n more bytes can be copied, also when they open a new
// segment, where no room of the present chunk helps. It is asked before the log
// commits, because afterwards there is no way back. False means that the shard's
// memory is exhausted. What is reserved is the shard's: one append at a time is
// between reserve and write, so partitions need no reserve of their own.
func (a *appender) reserve(n int) bool {
	a.p.s.reserving = a.p
	ok := a.p.s.reserveChunks(a.chunksFor(n))
	a.p.s.reserving = nil
	return ok
}

// chunksFor is how many chunks n bytes may need: as many as in a new segment,
// and one more for the tail whose chunk was given up.
func (a *appender) chunksFor(n int) int {
	size := int(a.chunks.size)
	need := (n + size - 1) / size
	if f := a.tailFile(); a.chunks.clean == len(a.chunks.list) && f.end%a.chunks.size > 0 {
		need++
	}
	return need
}

// write takes the bytes of a prepared append; the log commits right after. b is
// only read here.
func (a *appender) write(ap *log.Append, b []byte) {
	f := a.tailFile()
	if f.seg != ap.Seg || f.end != ap.Pos {
		panic(fmt.Sprintf("tpc: append at %d of segment %d, the appender is at %d of %d", ap.Pos, ap.Seg.Base, f.end, f.seg.Base))
	}
	if a.p.s.area != nil {
		a.stage(f, ap, b)
		a.p.s.markDirty(a.p)
		return
	}
	for done := 0; done < len(b); {
		k := a.chunkFor(f, f.end, ap)
		n := copy(k.buf.B[f.end%a.chunks.size:a.chunks.size], b[done:])
		done += n
		f.end += int64(n)
		if done == len(b) {
			k.endPos, k.endOff = f.end, ap.Last+1
		}
	}
	a.p.s.copies.Add(telemetry.CopyAppend, len(b))
	a.p.s.markDirty(a.p)
}

// chunkFor is the chunk that position pos of f lies in, which is the last one or
// the next. ap is the append that goes there.
func (a *appender) chunkFor(f *segFile, pos int64, ap *log.Append) *chunk {
	if k := a.chunks.at(f.seg.Base, pos); k != nil {
		return k
	}
	k := a.p.s.takeChunk(a.p)
	k.segBase, k.index = f.seg.Base, pos/a.chunks.size
	a.unpark(pos, k)
	a.chunks.push(k)
	if k.staged {
		a.assign(k, ap.Pos, ap.Base)
	}
	return k
}

// kick starts the next device write if one is due and none is in flight.
func (a *appender) kick() {
	for !a.busy && !a.p.Failed() && !a.p.gone {
		f := a.files[0]
		if f.file == nil {
			return // opened kicks again
		}
		a.grow(f)
		if f.flushed < f.end {
			a.submit(f)
			return
		}
		if !f.sealed || f.growing {
			return // a zero-fill behind the seal's truncation would lengthen the file again
		}
		a.markClean(f) // also when the last write was over before the segment rolled
		a.seal(f)
		n := copy(a.files, a.files[1:])
		a.files[n] = nil
		a.files = a.files[:n]
	}
}

// submit writes from the block of flushed to the block of end.
func (a *appender) submit(f *segFile) {
	start := f.flushed &^ (disk.Align - 1)
	limit := (f.end + disk.Align - 1) &^ (disk.Align - 1)
	if f.growing && limit > f.prewritten {
		return // the zero-fill owns the blocks above prewritten; its completion kicks again
	}
	size := a.chunks.size
	op := &a.op
	op.Iov = op.Iov[:0]
	a.opMark = log.Mark{}
	pos := start
	for pos < limit && len(op.Iov) < maxIov {
		k := a.chunks.at(f.seg.Base, pos)
		if k == nil {
			panic(fmt.Sprintf("tpc: dirty position %d of segment %d is not in memory", pos, f.seg.Base))
		}
		stop := min(limit, (k.index+1)*size)
		if stop > f.end {
			// The rest of the last block goes to the device with it. Recovery
			// expects zeros there, memory comes uncleared, and nobody has
			// appended to it or reads from it yet.
			clear(k.buf.B[f.end-k.index*size : stop-k.index*size])
		}
		op.Iov = append(op.Iov, k.buf.B[pos%size:pos%size+(stop-pos)])
		if k.endOff > 0 {
			a.opMark = log.Mark{Offset: k.endOff, SegBase: f.seg.Base, Pos: k.endPos}
		}
		pos = stop
	}
	a.opFile, a.opEnd, a.busy = f, min(pos, f.end), true
	f.prewritten = max(f.prewritten, pos)
	op.Kind, op.FD, op.Off, op.Done = reactor.Write, f.file.FD(), start, a
	if a.p.s.durability == models.Power {
		op.Kind = reactor.WriteDSync
	}
	a.wave = a.p.s.waves.join()
	a.p.s.r.Submit(op)
}

// DiskDone is the completion of the write in flight. The group that it carried
// becomes durable at once.
func (a *appender) DiskDone(op *reactor.DiskOp) {
	a.busy = false
	a.p.s.waves.leave(a.wave)
	if op.Err != nil {
		a.p.fail(op.Err)
		return
	}
	f := a.opFile
	a.p.s.onDevice.Add(uint64(a.opEnd - f.flushed))
	f.ahead.Wrote(op.Res, a.opEnd-f.flushed)
	a.p.s.written.Add(uint64(op.Res))
	f.flushed = a.opEnd
	a.markClean(f)
	if a.opMark.Offset > 0 && !a.p.gone {
		a.p.advance(a.opMark)
		a.noteSynced()
	}
	a.p.s.markDirty(a.p)
}

// markClean hands every chunk that is on the device and will not change any
// more to the shard's eviction order.
func (a *appender) markClean(f *segFile) {
	c := &a.chunks
	for c.clean < len(c.list) {
		k := c.list[c.clean]
		full := (k.index+1)*c.size <= f.flushed
		if k.segBase != f.seg.Base || !full && !(f.sealed && f.flushed == f.end) {
			return
		}
		c.clean++
		a.p.s.chunkClean(k)
	}
}

// written is where the bytes of a segment that are on the device end.
func (a *appender) written(seg *log.Segment) int64 {
	for _, f := range a.files {
		if f.seg == seg {
			return f.flushed
		}
	}
	return seg.Size()
}

// drained reports whether every appended byte is on the device and every rolled
// segment sealed, or never will be.
func (a *appender) drained() bool {
	if a.busy || a.p.jobs > 0 {
		return false
	}
	f := a.files[0]
	return a.p.Failed() || len(a.files) == 1 && f.file != nil && f.flushed == f.end
}
