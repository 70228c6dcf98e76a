package experiment

import (
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/workloads"
)

// count begins to count what the broker's threads cost, each for itself.
func (a *attempt) count() {
	a.events = host.CountEvents(a.r.machine, a.b.PID(), a.r.e.Syscalls == workloads.SyscallsKernel)
	a.threads = a.r.machine.ThreadCosts(a.b.PID())
}

// counted keeps what they have cost. What the machine does not tell stays null.
func (a *attempt) counted() {
	a.rec.Server.EventCounts = a.events.Read()
	a.rec.Server.PerThread = host.CostsSince(a.threads, a.r.machine.ThreadCosts(a.b.PID()))
	a.events.Threads(a.rec.Server.PerThread)
}
