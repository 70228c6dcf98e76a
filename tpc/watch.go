package tpc

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/ceteris/ceteris/tpc/reactor"
)

// startWatch watches the shards' reactors for stalls and publishes what all
// three tiers of watching have seen: tasks over the quota (with the reactor's
// own counters), long rounds and runs of tasks, stalls.
func (b *Broker) startWatch() (err error) {
	var reactors []*reactor.Reactor
	for _, s := range b.shards {
		reactors = append(reactors, s.r)
	}
	report := func(r *reactor.Report) { slog.Warn(r.String()) }
	if b.watch, err = reactor.Watch(reactor.WatchOptions{Report: report}, reactors...); err != nil {
		return err
	}
	b.registry.Handle("/stall", b.watch)
	b.registry.Handle("/memory", http.HandlerFunc(b.serveMemory))
	b.registry.GaugeFunc("reactor_stall_threshold_seconds", "what a stall is, 0: nobody watches",
		func() float64 { return float64(b.watch.ThresholdNs()) / 1e9 })
	for i, s := range b.shards {
		b.watchGauges(i, s, strconv.Itoa(s.id))
	}
	return nil
}

func (b *Broker) stopWatch() {
	if b.watch != nil {
		b.watch.Stop()
	}
}

func (b *Broker) watchGauges(i int, s *shard, label string) {
	counter := func(name, help string, pick func(c reactor.WatchCounters) uint64) {
		b.registry.CounterFunc(name, help, func() uint64 { return pick(b.watch.Counters(i)) }, "shard", label)
	}
	counter("reactor_stalls_total", "rounds that kept the reactor from its loop for the stall threshold, by its own doing",
		func(c reactor.WatchCounters) uint64 { return c.Stalls })
	counter("reactor_stall_reports_suppressed_total", "stall reports above the limit",
		func(c reactor.WatchCounters) uint64 { return c.Suppressed })
	counter("reactor_descheduled_ns_total", "long rounds: time kept from the processor, ns; no stall",
		func(c reactor.WatchCounters) uint64 { return uint64(c.DescheduledNs) })
	counter("reactor_world_stopped_ns_total", "long rounds: time in a stopped world, ns; no stall",
		func(c reactor.WatchCounters) uint64 { return uint64(c.PausedNs) })
	b.lengths("reactor_stall_lengths_total", "stalls that are over, by length in seconds", label,
		func() reactor.Lengths { return b.watch.Counters(i).Lengths })
	b.lengths("reactor_long_rounds_total", "rounds of more than twice the task quota, by length in seconds", label,
		func() reactor.Lengths { return s.r.Overruns().Rounds })
	b.lengths("reactor_long_task_runs_total", "runs of ready tasks of more than twice the task quota, by length in seconds", label,
		func() reactor.Lengths { return s.r.Overruns().Tasks })
}

// lengths publishes a histogram as a counter for each bound, cumulative and
// labelled le as Prometheus's own, which its quantile function takes.
func (b *Broker) lengths(name, help, label string, read func() reactor.Lengths) {
	for i := range len(reactor.Lengths{}.Counts) {
		bound := "+Inf"
		if ns := reactor.LengthBoundNs(i); ns >= 0 {
			bound = strconv.FormatFloat(float64(ns)/1e9, 'g', -1, 64)
		}
		b.registry.CounterFunc(name, help, func() (n uint64) {
			l := read()
			for _, c := range l.Counts[:i+1] {
				n += c
			}
			return n
		}, "shard", label, "le", bound)
	}
}
