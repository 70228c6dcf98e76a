package experiment

import "github.com/ceteris/ceteris/harness/host"

// count begins to count what the broker's threads cost, each for itself.
func (a *attempt) count() {
	var err error
	if a.events, err = host.CountEvents(a.r.machine, a.b.PID()); err != nil {
		a.rec.Server.NoEvents = err.Error()
	}
	a.threads = a.r.machine.ThreadCosts(a.b.PID())
}

// counted keeps what they have cost. What the machine does not tell stays null.
func (a *attempt) counted() {
	if a.events != nil {
		cycles, instructions, err := a.events.Read()
		if err != nil {
			a.rec.Server.NoEvents = err.Error()
		} else {
			a.rec.Server.Cycles, a.rec.Server.Instructions = &cycles, &instructions
		}
	}
	a.rec.Server.PerThread = host.CostsSince(a.threads, a.r.machine.ThreadCosts(a.b.PID()))
}
