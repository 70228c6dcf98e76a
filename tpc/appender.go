package tpc

import (
	"fmt"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
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
	p      *ownedPartition
	files  []*segFile // oldest first; writes go to the first, appends to the last
	chunks chain
	spare  []*chunk // reserved before an append is committed to
	op     reactor.DiskOp
	opFile *segFile
	opEnd  int64    // segment position that the write in flight covers
	opMark log.Mark // the last batch end that it covers; Offset 0 when it covers none
	busy   bool

	segmentBytes int64 // where the log rolls, at the latest
}

// segFile is a segment's file as the appender sees it.
type segFile struct {
	seg        *log.Segment
	file       disk.File // nil while it is being created
	flushed    int64
	end        int64
	endOffset  int64
	prewritten int64
	step       int64 // how much the next zero-fill adds, bytes
	growing    bool  // a zero-fill is under way above prewritten
	sealed     bool  // rolled: no further appends
	sealing    bool
}

func (a *appender) tailFile() *segFile { return a.files[len(a.files)-1] }

// reserve makes sure that n more bytes can be copied behind the last. It is
// asked before the log commits, because afterwards there is no way back. False
// means that the shard's memory is exhausted.
func (a *appender) reserve(n int) bool {
	f := a.tailFile()
	if k := a.chunks.at(f.seg.Base, max(f.end-1, 0)); k != nil && f.end > 0 {
		n -= int((k.index+1)*a.chunks.size - f.end)
	}
	return a.reserveFresh(n)
}

// reserveFresh makes sure that n bytes can be copied to chunks of their own, as
// the first batch of a segment is.
func (a *appender) reserveFresh(n int) bool {
	for need := (n + int(a.chunks.size) - 1) / int(a.chunks.size); len(a.spare) < need; {
		k := a.p.s.allocChunk(a.p)
		if k == nil {
			return false
		}
		a.spare = append(a.spare, k)
	}
	return true
}

// write takes the bytes of a prepared append; the log commits right after. b is
// only read here.
func (a *appender) write(ap *log.Append, b []byte) {
	f := a.tailFile()
	if f.seg != ap.Seg || f.end != ap.Pos {
		panic(fmt.Sprintf("tpc: append at %d of segment %d, the appender is at %d of %d", ap.Pos, ap.Seg.Base, f.end, f.seg.Base))
	}
	for done := 0; done < len(b); {
		k := a.chunkFor(f)
		n := copy(k.buf.B[f.end%a.chunks.size:a.chunks.size], b[done:])
		done += n
		f.end += int64(n)
		if done == len(b) {
			k.endPos, k.endOff = f.end, ap.Last+1
		}
	}
	f.endOffset = ap.Last + 1
	a.p.s.markDirty(a.p)
}

// chunkFor is the chunk that the next byte of f goes to.
func (a *appender) chunkFor(f *segFile) *chunk {
	if k := a.chunks.at(f.seg.Base, f.end); k != nil {
		return k
	}
	k := a.spare[len(a.spare)-1]
	a.spare[len(a.spare)-1] = nil
	a.spare = a.spare[:len(a.spare)-1]
	k.segBase, k.index = f.seg.Base, f.end/a.chunks.size
	a.chunks.push(k)
	return k
}

// rollIdle ends a segment that retention wants although nothing follows it.
func (a *appender) rollIdle() {
	next := log.Append{Base: a.p.Log.EndOffset()}
	_, fresh := a.p.Log.Roll(&next)
	a.roll(fresh)
	a.tailFile().endOffset = next.Base
	a.p.s.markDirty(a.p)
}

// roll goes on in a fresh segment. Its file is made off this thread; bytes
// collect in chunks meanwhile.
func (a *appender) roll(fresh *log.Segment) {
	a.tailFile().sealed = true
	f := &segFile{seg: fresh, step: a.p.s.firstPrewrite}
	a.files = append(a.files, f)
	a.p.s.createSegment(a.p, f)
}

// opened receives a freshly made file.
func (a *appender) opened(f *segFile, err error) {
	if err != nil {
		a.p.fail(err)
		return
	}
	f.seg.File = f.file
	a.kick()
}

// kick starts the next device write if one is due and none is in flight.
func (a *appender) kick() {
	for !a.busy && !a.p.Failed() {
		f := a.files[0]
		if f.file == nil {
			return
		}
		if f.flushed < f.end {
			a.submit(f)
			return
		}
		if !f.sealed {
			a.grow(f)
			return
		}
		if !f.sealing {
			f.sealing = true
			a.p.s.sealSegment(a.p, f)
		}
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
		op.Iov = append(op.Iov, k.buf.B[pos%size:pos%size+(stop-pos)])
		if k.endOff > 0 {
			a.opMark = log.Mark{Offset: k.endOff, SegBase: f.seg.Base, Pos: k.endPos}
		}
		pos = stop
	}
	a.opFile, a.opEnd, a.busy = f, min(pos, f.end), true
	if pos > f.prewritten {
		f.prewritten = pos
	}
	op.Kind, op.FD, op.Off, op.Done = reactor.Write, f.file.FD(), start, a
	if a.p.s.durability == models.Power {
		op.Kind = reactor.WriteDSync
	}
	a.p.s.inflightWrites++
	a.p.s.r.Submit(op)
}

// DiskDone is the completion of the write in flight. The group that it carried
// becomes durable at once.
func (a *appender) DiskDone(op *reactor.DiskOp) {
	a.busy = false
	a.p.s.inflightWrites--
	if op.Err != nil {
		a.p.fail(op.Err)
		return
	}
	f := a.opFile
	f.flushed = a.opEnd
	a.markClean(f)
	if a.opMark.Offset > 0 && !a.p.gone {
		if a.p.s.durability == models.Power {
			a.p.synced.Store(a.opMark.Offset)
		}
		a.p.advance(a.opMark)
	}
	a.kick()
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

// grow zero-fills ahead of the end when little is left, twice as much each time
// up to the configured most, so that a quiet partition costs little and a busy
// one never extends its file.
func (a *appender) grow(f *segFile) {
	s := a.p.s
	if !s.prewrite || f.growing || f.prewritten-f.end >= f.step/2 || f.prewritten >= a.segmentBytes {
		return
	}
	from := max(f.prewritten, (f.end+disk.Align-1)&^(disk.Align-1))
	n := min(f.step, max(a.segmentBytes-from, disk.Align)+disk.Align-1) &^ (disk.Align - 1)
	f.prewritten, f.growing = from, true
	f.step = min(2*f.step, s.maxPrewrite)
	s.zeroFill(a.p, f, from, n)
}

// grown receives the end of a zero-fill. A failed one (a full disk, say) is not
// an error yet: the append that needs the space will say so.
func (a *appender) grown(f *segFile, n int64, err error) {
	f.growing = false
	if err == nil {
		f.prewritten += n
	}
	a.kick()
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

// drained reports whether every appended byte is on the device.
func (a *appender) drained() bool {
	if a.p.Failed() {
		return !a.busy
	}
	f := a.files[0]
	return !a.busy && len(a.files) == 1 && f.file != nil && f.flushed == f.end && !f.growing
}
