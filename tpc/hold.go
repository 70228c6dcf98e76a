package tpc

import (
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// held is what arrived for a partition that is between two shards: parts of
// requests in the order in which they came, to be applied where it will be
// served. They are linked through the waits that requests have for their parts
// anyway, and bounded as those are: every one belongs to a request in flight.
// Fetch legs wait in the partition's own list.
type held struct {
	produceHead, produceTail *produceWait
	colds                    coldQueue
}

func (h *held) produce(w *produceWait) {
	if h.produceTail == nil {
		h.produceHead = w
	} else {
		h.produceTail.next = w
	}
	h.produceTail = w
}

func (h *held) popProduce() *produceWait {
	w := h.produceHead
	if w != nil {
		if h.produceHead = w.next; h.produceHead == nil {
			h.produceTail = nil
		}
		w.next = nil
	}
	return w
}

// append adds what came later.
func (h *held) append(later *held) {
	for w := later.popProduce(); w != nil; w = later.popProduce() {
		h.produce(w)
	}
	for w := later.colds.pop(); w != nil; w = later.colds.pop() {
		h.colds.push(w)
	}
}

// find is the partition as this shard has it: its own, or the place kept for one
// that is on its way here. Nil when it has neither.
func (s *shard) find(t *cluster.Topic, index int32) *ownedPartition {
	key := partKey{t.ID, index}
	if p := s.parts[key]; p != nil {
		return p
	}
	if len(s.arriving) > 0 {
		return s.arriving[key]
	}
	return nil
}

// holdProduce keeps a part until the partition is served again. A request of
// this shard keeps its frame so long, which the part's batch lies in.
func (s *shard) holdProduce(p *ownedPartition, r *request, part int32) {
	w := &r.waits[part]
	*w = produceWait{req: r, part: part}
	p.held.produce(w)
	r.keepFrame = r.keepFrame || r.c.s == s
}

// holdLeg keeps a leg until the partition is served again, and pins nothing
// meanwhile. Then it looks at all its parts anew.
func (s *shard) holdLeg(p *ownedPartition, leg *fetchLeg) {
	w := &leg.req.fetchWaits[leg.parts[leg.at]]
	*w = fetchWait{leg: leg}
	p.waitFetch(w)
	leg.phase, leg.at, leg.waiting, leg.holding = legLinks, 0, true, true
}

// elsewhere reports whether a partition that this shard does not have is another
// shard's: it has moved, while part of a leg that was under way here.
func (s *shard) elsewhere(t *cluster.Topic, index int32) bool {
	t = s.image().TopicByID(t.ID)
	if t == nil || int(index) >= len(t.Parts) {
		return false
	}
	owner := int(t.Parts[index].Owner)
	return owner != s.id && owner < len(s.b.shards)
}

// heldAtOnce is how many held parts the first task of a release applies. Each
// further task applies twice as many, so that it ends whatever arrives meanwhile.
const heldAtOnce = 64

// release applies what was held, a piece at a time, and then serves the partition.
type release struct {
	p      *ownedPartition
	budget int
	done   func()
}

// serveAgain ends the hold; done is called when nothing is held any more.
func (s *shard) serveAgain(p *ownedPartition, done func()) {
	for _, f := range p.app.files {
		f.enough = f.sealed
	}
	p.dropAgain()
	(&release{p: p, budget: heldAtOnce, done: done}).RunTask()
}

// RunTask applies one piece.
func (l *release) RunTask() {
	p := l.p
	s := p.s
	for range l.budget {
		if w := p.held.popProduce(); w != nil {
			s.appendPart(p, w.req, w.part, telemetry.Now())
		} else if c := p.held.colds.pop(); c != nil {
			s.lookCold(p, c.req, c.part)
		} else {
			p.moving = false
			p.notifyFetches()
			s.markDirty(p) // zero-filling ahead goes on
			l.done()
			return
		}
	}
	l.budget *= 2
	s.r.Ready(l)
}

var _ reactor.Runner = (*release)(nil)
