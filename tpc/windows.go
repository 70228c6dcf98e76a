package tpc

import "github.com/ceteris/ceteris/models/log"

// maxWindows is how many windows a partition has: two for each of eight readers
// at different places of its log. What they hold goes when memory is wanted.
const maxWindows = 16

// maxLoading is how many windows of a partition are read at a time for what is
// behind the first: as many as the device is kept busy by.
const maxLoading = 3

// windows are a partition's. Readers at different places have windows of their
// own; the one unused for longest makes room.
type windows struct {
	p       *ownedPartition
	all     []*window
	waiting coldQueue // for whom there is no window because all are being read into
	clock   uint64    // counts uses
	cursors [maxWindows / 2]cursor
}

// coldQueue is a first-in first-out list of waits.
type coldQueue struct{ head, tail *coldWait }

func (q *coldQueue) push(c *coldWait) {
	c.next = nil
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
}

func (q *coldQueue) pop() *coldWait {
	c := q.head
	if c != nil {
		if q.head = c.next; q.head == nil {
			q.tail = nil
		}
		c.next = nil
	}
	return c
}

// load has c try again when what it wants was read: by a read that brings it
// already, or by one of its own. An answer larger than a window has what follows
// read at the same time.
func (ws *windows) load(c *coldWait) {
	seg, pos, most := c.seg, c.pos, c.most // c may be over when the read has begun
	if w := ws.coming(seg, pos); w != nil {
		w.waiting.push(c)
	} else if w := ws.vacant(true); w != nil {
		w.read(c)
	} else {
		ws.waiting.push(c)
		return
	}
	if end := ws.covered(seg, pos); end > pos && end < pos+int64(most) {
		ws.bring(seg, end, pos+int64(most), false)
	}
}

// serveWaiting lets who found no window look again. What they want may be gone.
func (ws *windows) serveWaiting() {
	for ws.waiting.head != nil && ws.free() {
		ws.waiting.pop().retry()
	}
}

// free reports whether a window can be read into.
func (ws *windows) free() bool {
	return len(ws.all) < maxWindows || ws.each(func(w *window) bool { return !w.loading && !w.serving })
}

// covering is a window that covers pos, or will.
func (ws *windows) covering(seg *log.Segment, pos int64) *window {
	for _, w := range ws.all {
		if w.covers(seg, pos) {
			return w
		}
	}
	return nil
}

// coming is the window that brings what comes first of what is missing from pos
// on: what lies before that is there and need not be read again.
func (ws *windows) coming(seg *log.Segment, pos int64) *window {
	for {
		w := ws.covering(seg, pos)
		if w == nil || w.loading {
			return w
		}
		pos = w.end()
	}
}

// covered is how far the segment is in windows from pos on, or will be.
func (ws *windows) covered(seg *log.Segment, pos int64) int64 {
	for w := ws.covering(seg, pos); w != nil; w = ws.covering(seg, pos) {
		pos = w.end()
	}
	return pos
}

// vacant is a window that may be read into: an empty one, or the one unused for
// longest, emptied. What was read ahead and not looked at yet makes room only
// for what somebody waits for. Nil when there is none.
func (ws *windows) vacant(urgent bool) *window {
	var oldest *window
	for _, w := range ws.all {
		switch {
		case w.loading || w.serving || w.ahead && !urgent:
		case len(w.spans) == 0:
			return w
		case oldest == nil || w.usedAt < oldest.usedAt:
			oldest = w
		}
	}
	if len(ws.all) < maxWindows {
		w := &window{set: ws}
		ws.all = append(ws.all, w)
		return w
	}
	if oldest != nil {
		oldest.drop()
	}
	return oldest
}

// each calls f with every window until it says yes, and tells whether it did.
func (ws *windows) each(f func(*window) bool) bool {
	for _, w := range ws.all {
		if f(w) {
			return true
		}
	}
	return false
}

// loading reports whether any window is being read into.
func (ws *windows) loading() bool { return ws.each(func(w *window) bool { return w.loading }) }

// reading reports whether the segment's file is being read.
func (ws *windows) reading(seg *log.Segment) bool {
	return ws.each(func(w *window) bool { return w.loading && w.seg == seg })
}

// quiet reports whether nothing is under way and nobody waits.
func (ws *windows) quiet() bool {
	return ws.waiting.head == nil && !ws.each(func(w *window) bool { return w.loading || w.serving })
}

// forget drops what is kept of a segment, or of all when it is nil.
func (ws *windows) forget(seg *log.Segment) {
	for _, w := range ws.all {
		if seg == nil || w.seg == seg {
			w.drop()
		}
	}
}
