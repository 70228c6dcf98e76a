package tpc

import (
	"encoding/binary"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/log"
)

// coldWait is one look into a partition's log, by a fetch leg or a part of
// another request, that may have to wait for the device. It is the log's Peeker:
// it reads what is in memory, and where that ends it remembers what to load.
//
// After each load the log searches afresh, from the index entry on, but a window
// holds only the end of the way. So the batches that were passed before memory
// ran out are remembered as one: a header that says where they end, which is all
// that a search asks of batches that lie before what it looks for.
type coldWait struct {
	next *coldWait // in a queue of waits
	p    *ownedPartition
	leg  *fetchLeg // who waits: a leg, or
	req  *request  // part of another request
	part int32
	// owner is where the part has its place.
	owner int

	seg     *log.Segment // what to load
	pos     int64
	atLeast int  // of which this much is needed, bytes
	most    int  // and this much useful
	fresh   bool // the last read was made for this very wait
	taken   int  // of the extent that was found, so much is referred to already, bytes

	walking bool         // the search has begun, and
	walked  *log.Segment // in this segment
	from    int64        // at this position
	passed  int64        // its end when memory ran out; 0 when nothing was passed
	head    [batch.HeaderLen]byte
}

// begin is called before every search.
func (c *coldWait) begin(p *ownedPartition) { c.p, c.walking = p, false }

// forget makes c ready for something else to look for.
func (c *coldWait) forget() { c.fresh, c.taken, c.walked, c.passed = false, 0, nil, 0 }

// Peek reads bytes that are in memory.
func (c *coldWait) Peek(seg *log.Segment, pos int64, dst []byte) (int, error) {
	header := len(dst) == batch.HeaderLen
	if header && c.passed > 0 && c.walked == seg && c.from == pos {
		c.walking = true
		return copy(dst, c.head[:]), nil
	}
	for n := 0; n < len(dst); {
		b, _ := c.p.span(seg, pos+int64(n))
		if b == nil {
			c.cold(seg, pos, len(dst))
			return n, log.ErrCold
		}
		n += copy(dst[n:], b)
	}
	if header && !c.walking {
		c.walking, c.walked, c.from, c.passed = true, seg, pos, 0
		copy(c.head[:], dst)
	}
	return len(dst), nil
}

// cold notes what to load. Everything from where the search began to there has
// been passed.
func (c *coldWait) cold(seg *log.Segment, pos int64, n int) {
	c.seg, c.pos, c.atLeast = seg, pos, n
	if c.walking && c.walked == seg && pos > c.from {
		c.passed = pos
		binary.BigEndian.PutUint32(c.head[8:], uint32(pos-c.from-12))
	}
}

// load reads what the last search missed, and of what follows as much as is
// useful. c tries again then, or fails.
func (c *coldWait) load(most int) {
	c.most = most
	c.p.windows.load(c)
}

// retry is called when something was read.
func (c *coldWait) retry() {
	if c.leg != nil {
		c.p.s.serveLeg(c.leg)
		return
	}
	c.p.s.applyCold(c.req, c.part)
}

// fail is called when what c wants could not be read.
func (c *coldWait) fail(code int16) {
	if c.leg != nil {
		c.p.s.failPart(c.leg, code)
		return
	}
	c.p.s.coldHome(c.req, c.part, nil, nil)
}
