package reactor

import "fmt"

// scheduler holds the ready tasks of a reactor by group and chooses which is
// next. It has no clock of its own: run is given one.
type scheduler struct {
	groups  []*Group
	ready   int   // groups whose queue is not empty
	virtual int64 // virtual runtime of the group chosen last; where sleepers start
	nowNs   int64 // as far as the scheduler knows; the loop sets it once a round
}

func (s *scheduler) add(name string, shares int64) (*Group, error) {
	if err := checkShares(name, shares); err != nil {
		return nil, err
	}
	if len(s.groups) == MaxGroups {
		return nil, fmt.Errorf("reactor: group %q is one too many: at most %d", name, MaxGroups)
	}
	for _, g := range s.groups {
		if g.name == name {
			return nil, fmt.Errorf("reactor: group %q is there already", name)
		}
	}
	g := &Group{s: s, name: name, shares: shares, virtual: s.virtual, c: GroupCounters{Name: name, Shares: shares}}
	s.groups = append(s.groups, g)
	return g, nil
}

func (s *scheduler) empty() bool { return s.ready == 0 }

func (s *scheduler) push(g *Group, t task) {
	if g.queue.empty() {
		s.ready++
		g.readySince = s.nowNs
		// Later than the others by what it owes, never earlier.
		if g.virtual-s.virtual < 0 {
			g.virtual = s.virtual
		}
	}
	g.queue.push(t)
	g.c.QueuePeak = max(g.c.QueuePeak, int64(g.queue.len()))
}

// next is the group with work that has the least virtual runtime, the older one
// of equals.
func (s *scheduler) next() *Group {
	var least *Group
	for _, g := range s.groups {
		if !g.queue.empty() && (least == nil || g.virtual-least.virtual < 0) {
			least = g
		}
	}
	return least
}

// ran charges g for a task that took ns.
func (s *scheduler) ran(g *Group, ns int64) {
	g.c.Tasks++
	g.c.RunNs += ns
	// At least one: tasks that are shorter than the clock's tick must not be free.
	g.virtual += max(ns, 1) * MaxShares / g.shares
}

// run runs ready tasks until none is left or quotaNs are used up; it returns how
// long that took. A task that alone takes longer counts as a violation.
func (s *scheduler) run(quotaNs int64, clock func() int64, c *Counters) (tookNs int64) {
	start := clock()
	at := start
	for s.ready > 0 && at-start < quotaNs {
		g := s.next()
		s.virtual = g.virtual
		g.c.WaitNs += max(at-g.readySince, 0)
		t := g.queue.pop()
		if g.queue.empty() {
			s.ready--
		}
		s.nowNs = at
		more := t.do()
		was := at
		at = clock()
		s.nowNs = at
		c.Tasks++
		if at-was > quotaNs {
			c.QuotaViolations++
		}
		s.ran(g, at-was)
		if more {
			s.push(g, t)
		}
		g.readySince = at // what it queued while it ran has not waited yet
	}
	return at - start
}

// show copies the groups' counters.
func (s *scheduler) show(to []GroupCounters) {
	for i := range to {
		g := s.groups[i]
		to[i] = g.c
		to[i].QueueLen = int64(g.queue.len())
	}
}
