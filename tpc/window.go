package tpc

import (
	"encoding/binary"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// windowBytes is the least that a cold read brings in: the largest span of the
// data path. It brings in as much of a fetch as windowMost, Kafka's default for
// a partition's share and the way there from an index entry, so that a response
// does not depend on where its bytes are; memory that is short makes it the
// least again. A larger batch is read by a larger window, once.
const (
	windowBytes = 128 << 10
	windowMost  = 1<<20 + windowBytes
)

// window is a range of a segment file that was read from the device because it
// is no longer in the append chunks. One per partition: a catch-up reader moves
// it forward, two of them take turns.
type window struct {
	op      reactor.DiskOp
	p       *ownedPartition
	seg     *log.Segment
	pos     int64 // where it starts in the segment, aligned
	n       int   // valid bytes
	limit   int64 // end of what the device has, as of the read
	asked   int64 // position that the read was for, and
	most    int   // how many bytes from there
	buf     *iobuf.Buf
	loading bool
	serving bool      // waiters are trying again: no new read takes the window from under them
	waiting *coldWait // whoever tries again when the read is done
}

// coldWait links a fetch leg or a part of another request into a window.
type coldWait struct {
	next *coldWait
	leg  *fetchLeg
	req  *request
	part int32

	seg     *log.Segment // what it wants read
	pos     int64
	atLeast int // of which this much is needed, bytes
	most    int // and this much useful
}

// Peek reads bytes that are in memory: append chunks first, then the window.
func (p *ownedPartition) Peek(seg *log.Segment, pos int64, dst []byte) (int, error) {
	if n := p.app.chunks.read(seg.Base, pos, dst); n == len(dst) {
		return n, nil
	}
	if b := p.window.bytes(seg, pos); len(b) >= len(dst) {
		return copy(dst, b), nil
	}
	return 0, log.ErrCold
}

// bytes is what the window holds from pos on.
func (w *window) bytes(seg *log.Segment, pos int64) []byte {
	if w.buf == nil || w.loading || w.seg != seg || pos < w.pos || pos >= w.pos+int64(w.n) {
		return nil
	}
	return w.buf.B[pos-w.pos : w.n]
}

// readable tells how much of the extent is in memory from its start: all of it,
// or what the window could take. A negative answer says how many bytes a read
// has to bring for the first batch to be whole.
func (p *ownedPartition) readable(e *log.Extent) int {
	if p.app.chunks.at(e.Seg.Base, e.Pos) != nil {
		return e.Len
	}
	w := &p.window
	b := w.bytes(e.Seg, e.Pos)
	if len(b) >= e.Len {
		return e.Len
	}
	first := 12
	if len(b) >= first {
		first += int(int32(binary.BigEndian.Uint32(b[8:]))) // the length field of the batch header
	}
	// Less than all of it is an answer only when a read for all of it gave no more.
	best := w.seg == e.Seg && w.asked == e.Pos && w.most >= min(e.Len, windowMost)
	if !best || len(b) < min(first, e.Len) {
		return -max(first, 1)
	}
	return len(b)
}

// collect gives the part references to the memory that holds its extent.
func (p *ownedPartition) collect(fp *api.FetchPart) {
	e := &fp.Extent
	size := p.app.chunks.size
	if p.app.chunks.at(e.Seg.Base, e.Pos) == nil {
		b := p.window.bytes(e.Seg, e.Pos)
		p.window.buf.Retain()
		fp.Data = append(fp.Data, iobuf.Piece{B: b[:e.Len], Buf: p.window.buf, FD: -1, Len: e.Len})
		return
	}
	for pos, end := e.Pos, e.Pos+int64(e.Len); pos < end; {
		k := p.app.chunks.at(e.Seg.Base, pos)
		off := pos % size
		n := min(end-pos, size-off)
		k.buf.Retain()
		fp.Data = append(fp.Data, iobuf.Piece{B: k.buf.B[off : off+n], Buf: k.buf, FD: -1, Len: int(n)})
		pos += n
	}
}

// load reads at pos from the device, atLeast bytes and up to most, and then
// lets w try again.
func (p *ownedPartition) load(seg *log.Segment, pos int64, atLeast, most int, w *coldWait) {
	win := &p.window
	w.seg, w.pos, w.atLeast, w.most = seg, pos, atLeast, min(most, windowMost)
	w.next, win.waiting = win.waiting, w
	if !win.loading && !win.serving {
		p.startLoad(w)
	}
}

func (p *ownedPartition) startLoad(c *coldWait) {
	win := &p.window
	start := c.pos &^ (disk.Align - 1)
	size := func(n int) int {
		return max(windowBytes, (int(c.pos-start)+n+disk.Align-1)&^(disk.Align-1))
	}
	win.drop(p.s)
	want := size(max(c.atLeast, c.most))
	if win.buf = p.s.allocFrame(want); win.buf == nil {
		want = size(c.atLeast)
		win.buf = p.s.allocFrame(want)
	}
	if win.buf == nil || c.seg.File == nil {
		win.answer(p, codeStorage)
		return
	}
	win.p, win.seg, win.pos, win.n, win.loading = p, c.seg, start, 0, true
	win.limit, win.asked, win.most = p.app.written(c.seg), c.pos, c.most
	win.op = reactor.DiskOp{Kind: reactor.Read, FD: c.seg.File.FD(), Off: start, B: win.buf.B[:want:want], Done: win}
	p.s.coldReads.Inc()
	p.s.r.Submit(&win.op)
}

// DiskDone ends a cold read. Bytes beyond what was on the device when it began
// do not count: they are padding of a file that is zero-filled ahead, or half of
// a write that was under way.
func (w *window) DiskDone(op *reactor.DiskOp) {
	w.loading = false
	w.n = int(max(0, min(op.Res, w.limit-w.pos)))
	code := int16(0)
	if op.Err != nil || w.n == 0 {
		w.n, code = 0, codeStorage
		w.p.s.b.logf("partition %s-%d: reading segment %d at %d: %d bytes, %v", w.p.Topic, w.p.Index, w.seg.Base, w.pos, op.Res, op.Err)
	}
	w.answer(w.p, code)
}

// answer lets everyone who waits try again, or fails them. Who still misses
// something is served by the next read, so each read serves at least the one
// who asked for it and nobody starves.
func (w *window) answer(p *ownedPartition, code int16) {
	w.serving = true
	list := w.waiting
	w.waiting = nil
	for list != nil {
		c := list
		list, c.next = c.next, nil
		switch {
		case c.leg != nil && code != 0:
			p.s.failLeg(c.leg, code)
		case c.leg != nil:
			p.s.serveLeg(c.leg)
		default:
			p.s.applyCold(c.req, c.part, code)
		}
	}
	w.serving = false
	if c := w.waiting; c != nil {
		p.startLoad(c)
	}
}

// drop gives the window's memory back.
func (w *window) drop(s *shard) {
	if w.buf != nil && !w.loading {
		w.buf.Release(s.arena)
		w.buf, w.n, w.seg = nil, 0, nil
	}
}
