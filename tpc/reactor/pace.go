package reactor

// pace decides whether an idle loop polls before it sleeps. Polling is worth its
// CPU time when the next event is near; where waits outlast the budget (a device
// slower than it, a client that thinks) the loop would poll to the end of it and
// then sleep all the same. How long each wait was is known afterwards, slept
// through or not, so the share of waits that polling would have covered is kept
// and asked before the next one. Waits for the device and waits for anybody else
// are kept apart: at few connections they alternate, each as long as it is for
// reasons of its own.
type pace struct{ near int64 } // in 1/paceWhole: the share of late waits that were shorter than the budget

const (
	paceWhole  = 1024
	paceWeight = 16            // the latest wait counts for one in so many
	paceWorth  = paceWhole / 4 // below it polling is given up
)

// pacer is the pace of the wait that begins.
func (r *Reactor) pacer() *pace {
	if r.disks.out > 0 {
		return &r.paces[1]
	}
	return &r.paces[0]
}

// worth tells whether to poll.
func (p *pace) worth() bool { return p.near >= paceWorth }

// waited takes in a wait that is over. One that was slept through counts with
// the time to wake up, so waits just below the budget are not polled for: that
// would save less than it costs.
func (p *pace) waited(ns, budgetNs int64) {
	hit := int64(0)
	if ns < budgetNs {
		hit = paceWhole
	}
	p.near += (hit - p.near) / paceWeight
}
