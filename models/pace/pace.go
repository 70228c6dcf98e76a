// Package pace decides whether a thread without work polls before it sleeps.
package pace

// Pace is what one thread remembers about one kind of its waits. Polling is
// worth its CPU time when the next event is near; where waits outlast the budget
// (a device slower than it, a client that thinks) the thread would poll to the
// end of it and then sleep all the same. How long each wait was is known
// afterwards, slept through or not, so the share of waits that polling would have
// covered is kept and asked before the next one. Waits that alternate, each as
// long as it is for reasons of its own, want a Pace each.
//
// The zero value polls until it has seen better.
type Pace struct{ far int64 } // in 1/whole: the share of late waits that were not shorter than the budget

const (
	whole  = 1024
	weight = 16              // the latest wait counts for one in so many
	tooFar = whole - whole/4 // above it polling is given up
)

// Worth tells whether to poll.
func (p *Pace) Worth() bool { return p.far <= tooFar }

// Waited takes in a wait of ns that is over; budgetNs is how long one may poll.
// A wait that was slept through counts with the time to wake up, so waits just
// below the budget are not polled for: that would save less than it costs.
func (p *Pace) Waited(ns, budgetNs int64) {
	missed := int64(0)
	if ns >= budgetNs {
		missed = whole
	}
	p.far += (missed - p.far) / weight
}
