package tpc

import (
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/tpc/arena"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// windowBytes is the least that a cold read brings in: the largest span of the
// data path. It brings in as much of a fetch as windowMost, Kafka's default for
// a partition's share and the way there from an index entry, so that a response
// does not depend on where its bytes are; when memory is short it brings only
// what is needed. A larger batch is read by a larger window, once.
const (
	windowBytes = 128 << 10
	windowMost  = 1<<20 + windowBytes
)

// window is a range of a segment file that was read from the device because it
// is no longer in the append chunks. One per partition: a catch-up reader moves
// it forward, several of them take turns.
type window struct {
	op  reactor.DiskOp
	p   *ownedPartition
	seg *log.Segment
	pos int64 // where it starts in the segment, aligned
	n   int   // valid bytes
	buf *iobuf.Buf

	readNs  int64 // when
	limit   int64 // end of what the device has, as of the read
	loading bool
	serving bool      // waiters are trying again: no new read takes the window from under them
	asker   *coldWait // whom the read is for
	waiting *coldWait // whoever tries again when the read is done, oldest first
	last    *coldWait

	prev, next *window // in the shard's ring of windows that hold memory and are not loading
}

// bytes is what the window holds from pos on.
func (w *window) bytes(seg *log.Segment, pos int64) []byte {
	if w.buf == nil || w.loading || w.seg != seg || pos < w.pos || pos >= w.pos+int64(w.n) {
		return nil
	}
	return w.buf.B[pos-w.pos : w.n]
}

// span is the memory that holds the segment's bytes from pos on, chunk or
// window, and what keeps it. Nil when they have to be read first.
func (p *ownedPartition) span(seg *log.Segment, pos int64) ([]byte, *iobuf.Buf) {
	if k := p.app.chunks.at(seg.Base, pos); k != nil {
		return k.buf.B[pos%p.app.chunks.size : p.app.chunks.size], k.buf
	}
	return p.window.bytes(seg, pos), p.window.buf
}

// take refers to as much of the part's extent as is in memory in one run from
// its start, and returns how much that is. What is referred to stays, whatever
// is evicted.
func (p *ownedPartition) take(fp *api.FetchPart) int {
	e := &fp.Extent
	n := 0
	for n < e.Len {
		b, buf := p.span(e.Seg, e.Pos+int64(n))
		if b == nil {
			break
		}
		b = b[:min(len(b), e.Len-n)]
		buf.Retain()
		fp.AddData(buf, b)
		n += len(b)
	}
	return n
}

// load queues c for a read of what it wants.
func (w *window) load(c *coldWait) {
	if w.last == nil {
		w.waiting = c
	} else {
		w.last.next = c
	}
	w.last = c
	if !w.loading && !w.serving {
		w.start(c)
	}
}

// start reads what c wants. It has waited longest.
func (w *window) start(c *coldWait) {
	s := w.p.s
	w.drop()
	limit := w.p.app.written(c.seg)
	start := c.pos &^ (disk.Align - 1)
	w.asker = c
	if c.seg.File == nil || limit <= c.pos {
		s.b.logf("partition %s-%d: position %d of segment %d is neither in memory nor on the device, which ends at %d",
			w.p.Topic, w.p.Index, c.pos, c.seg.Base, limit)
		w.serve(codeStorage)
		return
	}
	size := func(n int) int64 {
		end := min(c.pos+int64(max(n, 1)), max(limit, c.pos+int64(c.atLeast)))
		return (end - start + disk.Align - 1) &^ (disk.Align - 1)
	}
	w.buf = s.arena.TryReclaimAlloc(int(size(max(c.atLeast, min(c.most, windowMost), windowBytes))), arena.Cache)
	if w.buf == nil {
		w.buf = s.arena.TryReclaimAlloc(int(size(c.atLeast)), arena.Cache)
	}
	if w.buf == nil {
		w.serve(codeStorage)
		return
	}
	n := min(int64(len(w.buf.B)), (limit-start+disk.Align-1)&^(disk.Align-1))
	w.seg, w.pos, w.n, w.limit, w.loading = c.seg, start, 0, limit, true
	w.op = reactor.DiskOp{Kind: reactor.Read, Class: reactor.Fetch, FD: c.seg.File.FD(), Off: start, B: w.buf.B[:n:n], Done: w}
	s.coldReads.Inc()
	s.r.Submit(&w.op)
}

// DiskDone ends a cold read. Bytes beyond what was on the device when it began
// do not count: they are padding of a file that is zero-filled ahead, or half of
// a write that was under way.
func (w *window) DiskDone(op *reactor.DiskOp) {
	s := w.p.s
	w.loading = false
	w.n = int(max(0, min(op.Res, w.limit-w.pos)))
	ring := &s.windows // oldest first
	w.prev, w.next = ring.prev, ring
	w.prev.next, ring.prev = w, w
	w.readNs = s.r.Now()
	code := int16(0)
	// An error behind what is needed is none.
	if c := w.asker; w.pos+int64(w.n) < min(c.pos+int64(c.atLeast), w.limit) {
		code = codeStorage
		s.b.logf("partition %s-%d: reading segment %d at %d: %d of %d bytes, %v",
			w.p.Topic, w.p.Index, w.seg.Base, w.pos, op.Res, w.limit-w.pos, op.Err)
	}
	w.serve(code)
}

// serve lets everyone who waits try again. A code is for whom the read was made,
// and for all when there was no memory to read into. Who still misses something
// queues again, and the oldest of them is read for next, so nobody starves.
func (w *window) serve(code int16) {
	w.serving = true
	list, asker := w.waiting, w.asker
	w.waiting, w.last, w.asker = nil, nil, nil
	for list != nil {
		c := list
		list, c.next = c.next, nil
		c.fresh = c == asker
		if code != 0 && (c.fresh || w.buf == nil) {
			c.fail(code)
		} else {
			c.retry()
		}
	}
	w.serving = false
	if w.waiting != nil {
		w.start(w.waiting)
	}
}

// wants reports whether somebody reads from a segment's file, or is about to.
func (w *window) wants(seg *log.Segment) bool {
	for c := w.waiting; c != nil; c = c.next {
		if c.seg == seg {
			return true
		}
	}
	return w.loading && w.seg == seg
}

// drop gives the window's memory back, unless it is being read into.
func (w *window) drop() {
	if w.buf == nil || w.loading {
		return
	}
	w.prev.next, w.next.prev = w.next, w.prev
	w.prev, w.next = nil, nil
	w.buf.Release(w.p.s.arena)
	w.buf, w.n, w.seg = nil, 0, nil
}
