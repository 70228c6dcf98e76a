package workloads

import (
	"fmt"
	"slices"
	"time"
)

// Capacity is a load that an arm's own answers decide: the highest rate at which
// it keeps a promise.
type Capacity struct {
	// P50 and P99 are the promise: limits of response times, 0 for none.
	P50, P99 time.Duration
	// From is the rate of the first probe of every search, Probes how many rates an
	// arm is asked for in each block.
	From   float64
	Probes int
	// Fractions of the least capacity of all arms, which every arm is then offered
	// in as many blocks again: a load-latency curve at equal loads.
	Fractions []float64
}

// CapacitySearch is the kind of load that searches for it.
const CapacitySearch = "capacity"

// The limits of a search.
const (
	maxProbes    = 32
	maxSLO       = 10 * time.Second
	minFraction  = 0.01
	maxFraction  = 2
	maxFractions = 32
)

func capacityKeys(path string) []Key {
	const with = "kind=" + CapacitySearch
	return []Key{
		{
			Path: path + ".slo", Kind: Mapping, With: with, See: []string{path + ".from"},
			Doc: "What an arm has to keep for a rate to count, besides acknowledging 99 % of it in time.",
		},
		{Path: path + ".slo.p50", Kind: Duration, Min: float64(time.Microsecond), Max: float64(maxSLO), Doc: "The longest median response time. Default: any."},
		{Path: path + ".slo.p99", Kind: Duration, Min: float64(time.Microsecond), Max: float64(maxSLO), Doc: "The longest p99 of the response time. Default: any."},
		{
			Path: path + ".from", Kind: Number, Min: minPerSec, Max: MaxPerSec, Unit: "produce requests per second", With: with,
			Doc: "The first rate that is tried: it doubles until the promise is broken, or halves until it is kept, then the bracket is bisected.",
		},
		{
			Path: path + ".probes", Kind: Integer, Min: 3, Max: maxProbes, Unit: "cells", Default: "8",
			Doc: "How many rates an arm is tried at in each block.",
		},
		{
			Path: path + ".fractions", Kind: Number, Count: List, Min: minFraction, Max: maxFraction, Unit: "share of the least capacity",
			Doc: "Loads that all arms are offered after the search, at most 32, in as many blocks again. Default: none.",
		},
	}
}

// capacity reads the keys of a search, and refuses them for other kinds of load.
func (d *document) capacity(f *fields, key, kind string) *Capacity {
	if kind != CapacitySearch {
		for _, k := range []string{"slo", "from", "probes", "fractions"} {
			if f.has(k) {
				d.fail(f.vals[k], key+"."+k, "no "+k+" with kind "+kind, describe(f.vals[k]))
			}
		}
		return nil
	}
	if f.has("per_second") {
		d.fail(f.vals["per_second"], key+".per_second", "no rates with kind capacity", describe(f.vals["per_second"]))
	}
	c := &Capacity{Probes: int(f.integer("probes"))}
	if n := f.getIf("slo", "a mapping with p50, p99 or both", true); n != nil {
		m := d.mapping(n, key+".slo")
		if m.has("p50") {
			c.P50 = m.duration("p50")
		}
		if m.has("p99") {
			c.P99 = m.duration("p99")
		}
		if c.P50 == 0 && c.P99 == 0 {
			d.fail(n, key+".slo", "p50, p99 or both", "neither")
		}
	}
	if n := f.getIf("from", "requests per second", true); n != nil {
		c.From = d.numberOf(n, key+".from")
	}
	list := f.list("fractions", "shares of the capacity")
	if len(list) > maxFractions {
		d.fail(f.vals["fractions"], key+".fractions", fmt.Sprintf("at most %d shares", maxFractions), fmt.Sprint(len(list)))
		return c
	}
	for i, n := range list {
		at := fmt.Sprintf("%s.fractions[%d]", key, i)
		v := d.numberOf(n, at)
		if slices.Contains(c.Fractions, v) {
			d.fail(n, at, "a share that is not listed before", describe(n))
		}
		c.Fractions = append(c.Fractions, v)
	}
	return c
}

// loadPoint is one of a workload's loads in a block: a rate, a probe of a search,
// or a share of what a search found.
type loadPoint struct {
	name     string
	perSec   float64
	probe    int
	fraction float64
}

// pointsOf lists the loads of a workload in a block.
func (e *Experiment) pointsOf(w *Workload, block int) []loadPoint {
	l := e.loadsOf(w)
	var out []loadPoint
	switch {
	case block < e.mostBlocks() && l.Capacity != nil:
		for i := range l.Capacity.Probes {
			out = append(out, loadPoint{name: fmt.Sprintf("probe%02d", i+1), probe: i + 1})
		}
	case block < e.mostBlocks():
		for _, rate := range l.PerSecond {
			out = append(out, loadPoint{name: LoadName(rate), perSec: rate})
		}
	case l.Capacity != nil:
		for _, share := range l.Capacity.Fractions {
			out = append(out, loadPoint{name: "at" + LoadName(share), fraction: share})
		}
	}
	return out
}

// AllBlocks is how many blocks are planned: those of the file or the most that its
// stop allows, and as many again where loads are shares of a capacity that has to
// be found first.
func (e *Experiment) AllBlocks() int {
	for _, w := range e.Workloads {
		if c := e.loadsOf(w).Capacity; c != nil && len(c.Fractions) > 0 {
			return 2 * e.Blocks
		}
	}
	return e.mostBlocks()
}

// CapacityOf is the search that a workload's loads are; nil when they are rates.
func (e *Experiment) CapacityOf(w *Workload) *Capacity { return e.loadsOf(w).Capacity }
