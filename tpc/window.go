package tpc

import (
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// windowBytes is the least that a cold read brings in: the largest span of the
// data path. It brings in as much of a fetch as windowMost, Kafka's default for
// a partition's share and the way there from an index entry; more than that
// comes in several windows. When memory is short it brings only what is needed.
// A window lies in spans of windowBytes, which one device operation fills; only a
// batch that so many of them do not hold makes them larger, once.
const (
	windowBytes = 128 << 10
	windowMost  = 1<<20 + windowBytes
)

// window is a range of a segment file that was read from the device because it
// is no longer in the append chunks.
type window struct {
	op  reactor.DiskOp
	set *windows
	seg *log.Segment
	pos int64 // where it starts in the segment, aligned
	n   int   // valid bytes, or those that are coming

	spans []*iobuf.Buf // that hold it, each of spanBytes but the last
	span  int          // spanBytes
	bytes int64        // of memory that they are
	iov   [reactor.MaxIov][]byte

	readNs  int64 // when it was read or last used
	limit   int64 // end of what the device has, as of the read
	loading bool
	serving bool      // waiters are trying again: no new read takes the window from under them
	ahead   bool      // read before anybody asked, and nobody has yet
	asker   *coldWait // whom the read is for, nil when it is for nobody in particular
	waiting coldQueue // whoever tries again when the read is done
	usedAt  uint64    // by the set's clock

	prev, next *window // in the shard's ring of windows that hold memory and are not loading
}

// end is the position behind the window.
func (w *window) end() int64 { return w.pos + int64(w.n) }

// covers reports whether the window has the segment's byte at pos, or will.
func (w *window) covers(seg *log.Segment, pos int64) bool {
	return len(w.spans) > 0 && w.seg == seg && w.pos <= pos && pos < w.end()
}

// span is the memory that holds the segment's bytes from pos on, chunk or
// window, and what keeps it. Nil when they have to be read first.
func (p *ownedPartition) span(seg *log.Segment, pos int64) ([]byte, *iobuf.Buf) {
	if k := p.app.chunks.at(seg.Base, pos); k != nil {
		return k.buf.B[pos%p.app.chunks.size : p.app.chunks.size], k.buf
	}
	for _, w := range p.windows.all {
		if !w.loading && w.covers(seg, pos) {
			w.touch()
			i := int(pos-w.pos) / w.span
			at := i * w.span
			b := w.spans[i]
			return b.B[int(pos-w.pos)-at : min(w.n-at, w.span)], b
		}
	}
	return nil, nil
}

// take refers to as much of the part's extent as is in memory in one run behind
// its first n bytes, which it has taken before, and returns how much that is
// with them. What is referred to stays, whatever is evicted.
func (p *ownedPartition) take(fp *api.FetchPart, n int) int {
	e := &fp.Extent
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

// read reads what c wants.
func (w *window) read(c *coldWait) {
	p := w.set.p
	limit := p.app.written(c.seg)
	if c.seg.File == nil || limit <= c.pos {
		p.s.b.logf("partition %s-%d: position %d of segment %d is neither in memory nor on the device, which ends at %d",
			p.Topic, p.Index, c.pos, c.seg.Base, limit)
		c.fail(codeStorage)
		return
	}
	start := c.pos &^ (disk.Align - 1)
	size := func(n int) int {
		end := min(c.pos+int64(max(n, 1)), max(limit, c.pos+int64(c.atLeast)))
		return int(alignUp(end - start))
	}
	if w.take(size(max(c.atLeast, min(c.most, windowMost), windowBytes))) < size(c.atLeast) {
		w.giveBack()
		c.fail(codeStorage)
		return
	}
	w.asker = c
	w.waiting.push(c)
	w.submit(c.seg, start, limit)
}

// take is memory for n bytes, or as much as there is from the front on; it says
// how much that is.
func (w *window) take(n int) (have int) {
	w.span = int(alignUp(int64(max(windowBytes, (n+reactor.MaxIov-1)/reactor.MaxIov))))
	for have < n {
		piece := min(n-have, w.span)
		b := w.set.p.s.arena.TryReclaimAlloc(piece, arena.Cache)
		if b == nil {
			break
		}
		w.spans = append(w.spans, b)
		w.bytes += int64(len(b.B))
		have += piece
	}
	w.n = have
	return have
}

// giveBack releases the memory, and tells how much of it that frees: what is being
// sent stays.
func (w *window) giveBack() (freed int) {
	s := w.set.p.s
	for i, b := range w.spans {
		if b.Refs() == 1 {
			freed += len(b.B)
		}
		b.Release(s.arena)
		w.spans[i] = nil
	}
	w.spans, w.n, w.seg, w.bytes = w.spans[:0], 0, nil, 0
	return freed
}

func alignUp(n int64) int64 { return (n + disk.Align - 1) &^ (disk.Align - 1) }

// submit reads into the memory that was taken.
func (w *window) submit(seg *log.Segment, start, limit int64) {
	n := min(int64(w.n), alignUp(limit-start))
	w.seg, w.pos, w.n, w.limit, w.loading = seg, start, int(n), limit, true
	iov := w.iov[:0]
	for at := 0; at < w.n; at += w.span {
		piece := min(w.n-at, w.span)
		iov = append(iov, w.spans[len(iov)].B[:piece:piece])
	}
	w.op = reactor.DiskOp{Kind: reactor.Read, Class: reactor.Fetch, FD: seg.File.FD(), Off: start, Iov: iov, Done: w}
	s := w.set.p.s
	s.coldReads.Inc()
	s.coldBytes.Add(uint64(n))
	s.r.Submit(&w.op)
}

// DiskDone ends a cold read. Bytes beyond what was on the device when it began
// do not count: they are padding of a file that is zero-filled ahead, or half of
// a write that was under way.
func (w *window) DiskDone(op *reactor.DiskOp) {
	p := w.set.p
	w.loading = false
	w.n = int(max(0, min(op.Res, w.limit-w.pos)))
	w.link()
	code := int16(0)
	// An error behind what is needed is none.
	if c := w.asker; c != nil && w.end() < min(c.pos+int64(c.atLeast), w.limit) {
		code = codeStorage
		p.s.b.logf("partition %s-%d: reading segment %d at %d: %d of %d bytes, %v",
			p.Topic, p.Index, w.seg.Base, w.pos, op.Res, w.limit-w.pos, op.Err)
	}
	w.serve(code)
	w.set.serveWaiting()
}

// serve lets everyone who waits try again. A code is for whom the read was made.
// Who still misses something asks again.
func (w *window) serve(code int16) {
	w.serving = true
	list, asker := w.waiting, w.asker
	w.waiting, w.asker = coldQueue{}, nil
	for c := list.pop(); c != nil; c = list.pop() {
		c.fresh = c == asker
		if code != 0 && c.fresh {
			c.fail(code)
		} else {
			c.retry()
		}
	}
	w.serving = false
}

// link makes the window the last that memory is taken from.
func (w *window) link() {
	s := w.set.p.s
	ring := &s.windows // least recently used first
	w.prev, w.next = ring.prev, ring
	w.prev.next, ring.prev = w, w
	s.windowBytes += w.bytes
	w.readNs = s.r.Now()
}

func (w *window) unlink() {
	w.prev.next, w.next.prev = w.next, w.prev
	w.prev, w.next = nil, nil
	w.set.p.s.windowBytes -= w.bytes
}

// touch notes that the window is used.
func (w *window) touch() {
	s := w.set.p.s
	if w.ahead {
		w.ahead = false
		s.aheadHits.Inc()
	}
	w.set.clock++
	w.usedAt = w.set.clock
	if w.next == &s.windows {
		w.readNs = s.r.Now()
		return
	}
	w.unlink()
	w.link()
}

// drop gives the window's memory back, unless it is being read into, and tells how
// many bytes that frees.
func (w *window) drop() (freed int) {
	if len(w.spans) == 0 || w.loading {
		return 0
	}
	s := w.set.p.s
	if w.ahead {
		w.ahead = false
		s.aheadWasted.Add(uint64(w.n))
	}
	w.unlink()
	return w.giveBack()
}
