package tpc

import "github.com/ceteris/ceteris/models/telemetry"

// maxHungry bounds the produce parts that wait for memory on a shard. Each holds
// its frame, so they are few; beyond it parts are refused as they are when no
// shard has memory.
const maxHungry = 1024

// hungry are the produce parts that wait for another shard's answer to a call
// for memory, in the order in which they came: parts of one partition must not
// overtake each other.
type hungry struct {
	list    []hungryPart // list[head:] wait
	head    int
	n       int
	feeding bool // the oldest is being tried again, and
	again   bool // waits on
	waits   *telemetry.Counter
	waitNs  *telemetry.Counter
}

type hungryPart struct {
	req   *request
	part  int32
	since int64
}

// makeRoom reserves the chunks of a produce part. False means that the part has
// been taken care of: it waits for another shard's memory, or nobody has any and
// it is refused with a retriable code.
func (s *shard) makeRoom(p *ownedPartition, r *request, part int32) bool {
	h := &s.hungry
	pp := &r.produce.Parts[part]
	if (h.n == 0 || h.feeding) && p.app.reserve(len(pp.Records)) {
		return true
	}
	chunks := max(p.app.chunksFor(len(pp.Records)), borrowChunks)
	switch {
	case h.feeding && s.callForMemory(s.chunkBytes, chunks, h.list[h.head].since):
		h.again = true
		return false
	case !h.feeding && h.n < maxHungry && (h.n > 0 || s.callForMemory(s.chunkBytes, chunks, s.r.Now())):
		if h.head >= maxHungry { // it never ran empty
			kept := copy(h.list, h.list[h.head:])
			clear(h.list[kept:])
			h.list, h.head = h.list[:kept], 0
		}
		h.list = append(h.list, hungryPart{r, part, s.r.Now()})
		h.n++
		h.waits.Inc()
		r.keepFrame = r.keepFrame || r.c.s == s
		s.retrySoon()
		return false
	}
	s.exhausted(p)
	pp.Finish(nil, codeExhausted)
	s.produceHome(r, part)
	return false
}

// feed tries the waiting parts again, oldest first, until one has to wait on.
func (s *shard) feed() {
	h := &s.hungry
	if h.feeding {
		return
	}
	h.feeding = true
	for h.n > 0 {
		part := h.list[h.head]
		h.again = false
		s.applyProduce(part.req, part.part, telemetry.Now())
		if h.again {
			s.retrySoon()
			break
		}
		h.waitNs.Add(uint64(max(s.r.Now()-part.since, 0)))
		h.list[h.head] = hungryPart{}
		h.head++
		h.n--
	}
	h.feeding = false
	if h.n == 0 {
		h.list, h.head = h.list[:0], 0
	}
}

// holdHungry takes the parts of a partition that is getting quiet off the queue:
// they are older than all that will be held for it.
func (s *shard) holdHungry(p *ownedPartition) {
	h := &s.hungry
	kept := h.list[:h.head]
	for _, part := range h.list[h.head:] {
		if pp := &part.req.produce.Parts[part.part]; pp.Topic.ID == p.ID && pp.Index == p.Index {
			s.holdProduce(p, part.req, part.part)
			h.n--
		} else {
			kept = append(kept, part)
		}
	}
	clear(h.list[len(kept):])
	h.list = kept
}

// retrySoon has whoever wants memory tried again, answer or not: the shard's own
// may have come free.
func (s *shard) retrySoon() {
	if !s.starveTimer.Pending() {
		s.r.After(&s.starveTimer, starveRetryNs)
	}
}
