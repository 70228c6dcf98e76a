package tpc

import "github.com/ceteris/ceteris/tpc/reactor"

// Work that nobody waits for runs in scheduling groups of its own, in steps that
// are short against the task quota: connections and partitions may be many, and
// none of the requests in between may wait for all of them.
const (
	// controlShares is the weight of what changes the metadata: somebody waits
	// for it, but not as many as for records.
	controlShares = reactor.MaxShares / 4
	// backgroundShares is the weight of what has no deadline.
	backgroundShares = reactor.MaxShares / 10
	// stepItems is how many connections or partitions one step looks at. A
	// partition costs retention about a microsecond, more if it has something to
	// delete.
	stepItems = 32
)

// makeGroups makes the shard's scheduling groups.
func (s *shard) makeGroups() (err error) {
	if s.controlGroup, err = s.r.NewGroup("control", controlShares); err != nil {
		return err
	}
	s.background, err = s.r.NewGroup("background", backgroundShares)
	return err
}

// own and disown keep the shard's partitions in the table and in the list that
// retention walks.
func (s *shard) own(p *ownedPartition) {
	s.parts[partKey{p.ID, p.Index}] = p
	p.place = len(s.partList)
	s.partList = append(s.partList, p)
}

func (s *shard) disown(p *ownedPartition) {
	delete(s.parts, partKey{p.ID, p.Index})
	last := len(s.partList) - 1
	moved := s.partList[last]
	s.partList[p.place], moved.place = moved, p.place
	s.partList[last] = nil
	s.partList = s.partList[:last]
}

// retention is one walk over the shard's partitions, from the last to the first:
// what disown moves has been looked at already.
type retention struct {
	s       *shard
	at      int // those below are still to be looked at
	running bool
}

// start begins a walk unless one is under way.
func (w *retention) start(s *shard) {
	if w.running {
		return
	}
	*w = retention{s: s, at: len(s.partList), running: true}
	s.background.Go(w)
}

// Step looks at a few partitions.
func (w *retention) Step() (more bool) {
	before := w.s.looked
	defer func() { w.s.noteStep(before) }()
	w.at = min(w.at, len(w.s.partList))
	for range stepItems {
		if w.at == 0 || w.s.stopping {
			w.running = false
			return false
		}
		w.at--
		w.s.looked++
		w.s.retain(w.s.partList[w.at])
	}
	return true
}

// idleSweep is one walk over the shard's connections. New ones join in front of
// where it began and are not looked at; forget keeps next valid.
type idleSweep struct {
	s    *shard
	next *conn
}

// start begins a walk unless one is under way.
func (w *idleSweep) start(s *shard) {
	if w.next != nil || s.conns == nil {
		return
	}
	w.s, w.next = s, s.conns
	s.background.Go(w)
}

// Step looks at a few connections.
func (w *idleSweep) Step() (more bool) {
	for range stepItems {
		c := w.next
		if c == nil {
			return false
		}
		w.next = c.next
		w.s.closeIfIdle(c)
	}
	return w.next != nil
}

// left is told of a connection that goes.
func (w *idleSweep) left(c *conn) {
	if w.next == c {
		w.next = c.next
	}
}
