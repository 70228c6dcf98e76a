package tpc

import (
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// Read-ahead. A consumer that catches up asks for one piece of the log after the
// other, and without help the device rests while the answer travels and the
// network rests while the device reads. So when an answer goes on where one
// before it has ended, what follows is read while it is sent: as much as was
// asked for, twice as much each time up to readahead.max.bytes. Nothing is read
// for a reader that stops or goes elsewhere, because only an answer starts it,
// and nothing when memory is short.

// cursor is where a reader has got to.
type cursor struct {
	seg      *log.Segment
	from, to int64 // positions of what it was last given
	ahead    int64 // how much is read ahead of it, bytes
	usedAt   uint64
}

// sent notes that [from, to) of a segment goes out, and reads ahead if that is
// what a reader does who goes through the log.
func (ws *windows) sent(seg *log.Segment, from, to int64) {
	most := ws.p.s.maxAhead
	if len(ws.all) == 0 || most == 0 || ws.p.app.chunks.at(seg.Base, to) != nil {
		return // all of it is in memory, now or always
	}
	c := ws.cursor(seg, from)
	switch {
	case c.seg == seg || from == 0: // segments are read from their beginning by who has read the one before
		c.ahead = min(max(2*c.ahead, to-from), most)
	default:
		c.ahead = 0
	}
	ws.clock++
	c.seg, c.from, c.to, c.usedAt = seg, from, to, ws.clock
	// Little is worth no read of its own: what is missing is read when it is half.
	if have := ws.covered(seg, to); to+c.ahead-have >= max(c.ahead/2, 1) {
		ws.bring(seg, have, to+c.ahead, true)
	}
}

// cursor is the one that ends where a reader goes on at from: behind what it was
// given, or before that if the last batch was cut. Otherwise the oldest, cleared.
func (ws *windows) cursor(seg *log.Segment, from int64) *cursor {
	oldest := &ws.cursors[0]
	for i := range ws.cursors {
		c := &ws.cursors[i]
		if c.seg == seg && c.from < from && from <= c.to {
			return c
		}
		if c.usedAt < oldest.usedAt {
			oldest = c
		}
	}
	*oldest = cursor{}
	return oldest
}

// bring reads [from, to) of a segment for nobody in particular, as far as that
// is on the device, memory allows it and not too much is being read already. It
// is ahead when nobody has asked for it.
func (ws *windows) bring(seg *log.Segment, from, to int64, ahead bool) {
	p := ws.p
	limit := p.app.written(seg)
	to = min(to, limit)
	loading := 0
	ws.each(func(w *window) bool {
		if w.loading {
			loading++
		}
		return false
	})
	for ; from < to && loading < maxLoading && seg.File != nil && p.s.roomy(); loading++ {
		if p.app.chunks.at(seg.Base, from) != nil {
			return
		}
		w := ws.vacant(false)
		if w == nil {
			return
		}
		start := from &^ (disk.Align - 1)
		if w.take(int(alignUp(min(to, start+windowMost)-start))) == 0 {
			return
		}
		w.ahead = ahead
		ws.clock++
		w.usedAt = ws.clock
		w.submit(seg, start, limit)
		from = w.end()
		if ahead {
			p.s.aheadBytes.Add(uint64(w.n))
		}
	}
}
