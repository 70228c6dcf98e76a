package reactor

import "fmt"

// MaxGroups bounds the scheduling groups of a reactor: choosing among them is a
// look at each.
const MaxGroups = 16

// MaxShares is the largest weight of a group, and that of the group which
// [Reactor.Ready] and [Reactor.Post] queue to.
const MaxShares = 1000

// Step is long work cut into pieces, each short against the task quota.
type Step interface {
	// Step does a piece and tells whether there is more. Between pieces the
	// reactor does everything else that is due.
	Step() (more bool)
}

// Group is a queue of ready tasks with a share of the reactor's time. All
// methods belong to the reactor's thread.
//
// Groups that have work get CPU time in proportion to their shares, whatever the
// length and number of their tasks: the group that has used the least, weighted
// by its shares (its virtual runtime), goes next. A group that comes back from
// having nothing to do starts where the others are. It gets no credit for the
// time it did not use, else it could keep everybody out for as long.
type Group struct {
	s          *scheduler
	name       string
	shares     int64
	queue      taskQueue
	virtual    int64 // ns at MaxShares; differences count, so it may wrap around
	readySince int64 // since when it waits to run, ns, while its queue is not empty
	c          GroupCounters
}

// GroupCounters is what a group counts since the reactor started.
type GroupCounters struct {
	Name      string
	Shares    int64
	Tasks     int64 // tasks and steps run
	RunNs     int64 // time they took
	WaitNs    int64 // time in which the group had work and did not run
	QueueLen  int64 // now
	QueuePeak int64
}

// NewGroup makes a scheduling group with a weight between 1 and MaxShares. Before
// Run, or on the reactor's thread.
func (r *Reactor) NewGroup(name string, shares int64) (*Group, error) {
	g, err := r.tasks.add(name, shares)
	if err == nil {
		r.published.Lock()
		r.published.groups = append(r.published.groups, g.c)
		r.published.Unlock()
	}
	return g, err
}

// Ready queues t behind the group's ready tasks.
func (g *Group) Ready(t Runner) { g.s.push(g, task{run: t}) }

// Go queues the first step of w; each further one queues behind what is ready
// in the group by then.
func (g *Group) Go(w Step) { g.s.push(g, task{step: w}) }

// SetShares changes the weight from now on.
func (g *Group) SetShares(shares int64) error {
	if err := checkShares(g.name, shares); err != nil {
		return err
	}
	g.shares, g.c.Shares = shares, shares
	return nil
}

// Groups are the counters of all groups about a millisecond ago, the default
// one first. Any thread.
func (r *Reactor) Groups() []GroupCounters {
	r.published.Lock()
	defer r.published.Unlock()
	return append([]GroupCounters(nil), r.published.groups...)
}

func checkShares(name string, shares int64) error {
	if shares < 1 || shares > MaxShares {
		return fmt.Errorf("reactor: group %q: shares must be between 1 and %d, got %d", name, MaxShares, shares)
	}
	return nil
}
