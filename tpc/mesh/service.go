package mesh

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ceteris/ceteris/models/telemetry"
)

// ServiceSpec describes a service group: a kind of request that shards send each
// other, with a bound of its own so that a flood of it starves no other kind.
type ServiceSpec struct {
	Name string
	// InFlight bounds the requests of the group that one shard has to serve. Each
	// of the other shards gets an equal part of it, at least one.
	InFlight int
	// Waiting bounds those that wait for a place, for each pair of shards.
	Waiting int
	// Calls are the groups whose requests a handler of this one may send and
	// wait for.
	Calls []string
}

// Services are the service groups of a broker. Groups wait for each other only
// along Calls, which have no cycle; so however full the groups are, the handlers
// of some group can finish, and with them those that wait for it.
type Services struct {
	shards int
	groups []*Service
}

// Service is one group. Its methods belong to the thread of the shard from.
type Service struct {
	spec   ServiceSpec
	shards int
	share  int // places for each pair
	calls  []*Service
	pairs  []pairCredit // by from*shards + to
}

// pairCredit is what one shard may have in flight at another. Only the sender
// writes it.
type pairCredit struct {
	_       [line]byte
	out     int
	waiting queue[Waiter]
	refused telemetry.Counter
	waited  telemetry.Counter
}

// Waiter is told that its request has a place now.
type Waiter interface{ OnPlace(to int) }

// NewServices checks the groups. An error names the group, and the cycle if
// there is one.
func NewServices(shards int, specs ...ServiceSpec) (*Services, error) {
	if shards < 1 {
		return nil, fmt.Errorf("mesh: service groups of %d shards", shards)
	}
	s := &Services{shards: shards}
	for _, spec := range specs {
		switch {
		case spec.Name == "":
			return nil, fmt.Errorf("mesh: service group %d has no name", len(s.groups))
		case s.Group(spec.Name) != nil:
			return nil, fmt.Errorf("mesh: service group %q is there twice", spec.Name)
		case spec.InFlight < 1 || spec.Waiting < 0:
			return nil, fmt.Errorf("mesh: service group %q: %d in flight and %d waiting, want at least one and no negative", spec.Name, spec.InFlight, spec.Waiting)
		}
		g := &Service{spec: spec, shards: shards, share: max(spec.InFlight/max(shards-1, 1), 1), pairs: make([]pairCredit, shards*shards)}
		for i := range g.pairs {
			g.pairs[i].waiting.limit = spec.Waiting
		}
		s.groups = append(s.groups, g)
	}
	for _, g := range s.groups {
		for _, name := range g.spec.Calls {
			callee := s.Group(name)
			if callee == nil {
				return nil, fmt.Errorf("mesh: service group %q calls %q, which is not there", g.spec.Name, name)
			}
			g.calls = append(g.calls, callee)
		}
	}
	if cycle := s.cycle(); cycle != nil {
		return nil, fmt.Errorf("mesh: service groups wait for each other in a circle: %s", strings.Join(cycle, " → "))
	}
	return s, nil
}

// Group finds a group by name, nil when there is none.
func (s *Services) Group(name string) *Service {
	for _, g := range s.groups {
		if g.spec.Name == name {
			return g
		}
	}
	return nil
}

// cycle finds groups that call each other in a circle, the first one named again
// at the end; nil when there are none.
func (s *Services) cycle() []string {
	done := map[*Service]bool{}
	var path []*Service
	var visit func(g *Service) []string
	visit = func(g *Service) []string {
		if at := slices.Index(path, g); at >= 0 {
			var names []string
			for _, p := range append(path[at:len(path):len(path)], g) {
				names = append(names, p.spec.Name)
			}
			return names
		}
		if done[g] {
			return nil
		}
		path = append(path, g)
		for _, callee := range g.calls {
			if names := visit(callee); names != nil {
				return names
			}
		}
		path = path[:len(path)-1]
		done[g] = true
		return nil
	}
	for _, g := range s.groups {
		if names := visit(g); names != nil {
			return names
		}
	}
	return nil
}

// Places is how many requests of all groups together one shard may have in flight
// at another.
func (s *Services) Places() (n int) {
	for _, g := range s.groups {
		n += g.share
	}
	return n
}

// Waiting is how many requests of all groups together may wait for a place of one
// pair of shards.
func (s *Services) Waiting() (n int) {
	for _, g := range s.groups {
		n += g.spec.Waiting
	}
	return n
}

// Idle reports whether a shard has no request in flight anywhere and none that
// waits for a place. The thread of from.
func (s *Services) Idle(from int) bool {
	for _, g := range s.groups {
		for to := range s.shards {
			if p := &g.pairs[from*s.shards+to]; p.out > 0 || p.waiting.n > 0 {
				return false
			}
		}
	}
	return true
}

// Enter takes a place for a request from one shard to another and tells whether
// there was one; behind those that wait there is none. A handler names the group
// whose request it serves in under (nil: none): a call that Calls does not list
// is a bug and panics.
func (g *Service) Enter(under *Service, from, to int) bool {
	p := g.pair(under, from, to)
	if p.out >= g.share || p.waiting.n > 0 {
		p.refused.Inc()
		return false
	}
	p.out++
	return true
}

// EnterOrWait is Enter that queues w when there is no place: w.OnPlace is called,
// with the place taken, from within the Leave that makes room. False when too
// many wait already: the caller has to refuse its work.
func (g *Service) EnterOrWait(under *Service, from, to int, w Waiter) (entered, ok bool) {
	p := g.pair(under, from, to)
	if p.out < g.share && p.waiting.n == 0 {
		p.out++
		return true, true
	}
	if !p.waiting.push(w) {
		p.refused.Inc()
		return false, false
	}
	p.waited.Inc()
	return false, true
}

// Leave gives a place back, when the reply is there or the request was given up.
// The place goes to the one who has waited longest.
func (g *Service) Leave(from, to int) {
	p := g.pair(nil, from, to)
	if p.out == 0 {
		panic(fmt.Sprintf("mesh: service group %q: shard %d leaves shard %d more often than it entered", g.spec.Name, from, to))
	}
	if p.waiting.n == 0 || p.out > g.share {
		p.out--
		return
	}
	w := p.waiting.front()
	p.waiting.drop()
	w.OnPlace(to)
}

// AdmitWaiting gives everyone who waits for a place of the pair one, above the
// bound, for whoever has to come after all of them.
func (g *Service) AdmitWaiting(from, to int) {
	p := g.pair(nil, from, to)
	for p.waiting.n > 0 {
		w := p.waiting.front()
		p.waiting.drop()
		p.out++
		w.OnPlace(to)
	}
}

// InFlight is how many places a shard holds at another. The thread of from.
func (g *Service) InFlight(from, to int) int { return g.pairs[from*g.shards+to].out }

// ServiceStats are the counters of one group and pair.
type ServiceStats struct {
	Refused uint64 // requests that found neither a place nor room to wait
	Waited  uint64 // requests that had to wait
}

// Stats may be read on any thread.
func (g *Service) Stats(from, to int) ServiceStats {
	p := &g.pairs[from*g.shards+to]
	return ServiceStats{Refused: p.refused.Load(), Waited: p.waited.Load()}
}

func (g *Service) pair(under *Service, from, to int) *pairCredit {
	if from == to {
		panic(fmt.Sprintf("mesh: service group %q: shard %d sends to itself", g.spec.Name, from))
	}
	if under != nil && !slices.Contains(under.calls, g) {
		panic(fmt.Sprintf("mesh: a handler of service group %q calls %q, which it does not list", under.spec.Name, g.spec.Name))
	}
	return &g.pairs[from*g.shards+to]
}
