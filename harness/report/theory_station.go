package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/theory"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/workloads"
)

// said is what the broker of an arm's first cell of the group said of itself; nil
// where it said nothing.
func (g *Group) said(arm string, d data) (*brokerSaid, error) {
	var first *run
	for _, p := range g.Points {
		if list := d[where{g.Workload, g.Durability, p.LoadPerSec}][who{arm, false}].list(); len(list) > 0 {
			first = list[0]
			break
		}
	}
	if first == nil {
		return nil, nil
	}
	return readSaid(first.CellRecord)
}

// readSaid reads a cell's broker.json; nil where there is none.
func readSaid(c *result.CellRecord) (*brokerSaid, error) {
	path := filepath.Join(c.Dir, "broker.json")
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &brokerSaid{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// tpcRoundNs is for how long tpc takes requests in before it looks at I/O again, and
// then works at what is left: the reactor's task quota. The null broker does not stop.
const tpcRoundNs = 500_000

// number is a setting; 0 where the broker does not have it.
func (s *brokerSaid) number(key string) int64 {
	n, _ := strconv.ParseInt(s.Config[key], 10, 64)
	return n
}

func (s *brokerSaid) cpus() int {
	list, _ := host.ParseCPUs(s.Facts["process.cpus"])
	return len(list)
}

// pooled is how many threads of a pool serve requests.
func (s *brokerSaid) pooled() int {
	return int(s.number("num.io.threads") + s.number("num.network.threads"))
}

// station is the arm as queueing theory sees it, or why it does not.
func (s *brokerSaid) station(model string, w *workloads.Workload) (x theory.Station, why string) {
	x = theory.Station{
		Service:     theory.Service{Law: busywork.Law(s.number("service.time.law")), MeanNs: float64(s.number("service.time.ns"))},
		Connections: w.Connections, Limit: max(1, min(int(s.number("inflight")), w.Inflight)),
	}
	if model == "threadpool" {
		x.Shared, x.Servers = true, min(int(s.number("num.io.threads")), s.cpus())
	} else {
		x.Servers, _ = strconv.Atoi(s.Facts["shards"])
		x.Rounds = true // a shard, of tpc or the null broker, sends what a round has answered at its end
		if model == "tpc" {
			x.RoundNs = tpcRoundNs
		}
	}
	skewed := func(l workloads.Law) bool { return l.Kind == workloads.Zipf || l.Kind == workloads.Hotspot }
	switch {
	case w.Arrivals != workloads.Poisson:
		why = "requests arrive by another law than Poisson's"
	case w.FanOut > 1:
		why = "a request has several parts, each with a service of its own"
	case len(w.Classes) > 0 || w.Consumers > 0:
		why = "other requests than the load's are served too"
	case skewed(w.Connection) || skewed(w.Keys) && x.Servers > 1:
		why = "requests are not spread evenly"
	case s.cpus() == 0 || x.Servers == 0:
		why = "the broker did not say on which CPUs it ran, or how many shards it had"
	case x.Servers > s.cpus():
		why = "more shards than CPUs take turns on them"
	}
	return x, why
}

// serving reports which threads' CPU time is a request's. A pool with more threads
// than CPUs has its network threads' time taken from its handlers.
func (s *brokerSaid) serving(model string) func(thread string) bool {
	if model == "threadpool" && s.pooled() <= s.cpus() {
		return func(thread string) bool { return strings.HasPrefix(thread, "handler-") }
	}
	return serves
}

// serves reports whether a thread does something for requests.
func serves(thread string) bool {
	return slices.ContainsFunc([]string{"shard-", "handler-", "network-"}, func(kind string) bool { return strings.HasPrefix(thread, kind) })
}

// served is what the threads of an arm at one load took.
type served struct {
	perRequestNs stats.Number // CPU time of the serving threads, polling left out
	kept         stats.Number // share of the window in which they were ready and not running
	others       float64      // share of the broker's CPUs that its other threads took
}

// serve sums the runs of an arm at one load up.
func serve(list []*run, cpus int, serving func(string) bool) (out served) {
	var share, perSec, delay, others float64
	for _, r := range list {
		var ns, delayNs, polled int64
		rest := r.Server.CPUNs()
		found := false
		for _, t := range r.Server.PerThread {
			if t.RunNs < 0 {
				continue
			}
			if serves(t.Name) {
				rest -= t.RunNs
			}
			if serving(t.Name) {
				ns, delayNs, found = ns+t.RunNs, delayNs+t.RunDelayNs, true
			}
		}
		if !found || r.look == nil || r.Server.WindowNs <= 0 {
			out.perRequestNs = stats.Refuse("the CPU time of single threads was not kept")
			return out
		}
		for _, w := range r.look.workers {
			if serving(w.Name) {
				polled += w.Samples[len(w.Samples)-1].SpinNs - w.Samples[0].SpinNs
			}
		}
		window := float64(r.Server.WindowNs)
		share += float64(max(ns-polled, 0)) / window
		delay += float64(delayNs) / window
		others += float64(max(rest, 0)) / window / float64(cpus)
		perSec += r.Load.AchievedPerSec
	}
	n := float64(len(list))
	out.perRequestNs = over(share*1e9, perSec, true, "nothing was acknowledged")
	out.kept, out.others = over(delay, n, true, "no run"), min(others/n, mostOthers)
	return out
}

// mostOthers bounds what the others are taken to leave of the CPUs.
const mostOthers = 0.9
