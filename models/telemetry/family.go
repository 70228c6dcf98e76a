package telemetry

import "strconv"

// family is every reading of one metric name, in the shape that Prometheus
// wants. What exposes it knows nothing of where it comes from.
type family struct {
	name, help string
	kind       Kind
	points     []point
}

// point is one reading: a value, or a histogram when bounds is set.
type point struct {
	labels []Label
	value  float64
	hist   *distribution
}

// distribution is a histogram with cumulative counts by upper bound.
type distribution struct {
	bounds []float64 // inclusive
	counts []uint64  // at or below the bound of the same index
	count  uint64
	sum    float64
}

// families is everything the registry can say, in a stable order.
func (g *Registry) families() []family {
	stages := g.Stages()
	out := append(group(g.Snapshot()), stageFamilies(stages)...)
	out = append(out, spanFamily(stages), g.recorderFamily(), family{
		name: "ceteris_recorders_stale", help: "Threads that did not answer this scrape in time.", kind: KindGauge,
		points: []point{{value: float64(stages.Stale)}},
	})
	out = append(out, runtimeFamilies()...)
	out = append(out, processFamilies()...)
	return append(out, stealFamilies()...)
}

// group gathers samples by name, in the order of first sight.
func group(samples []Sample) []family {
	var out []family
	at := map[string]int{}
	for i := range samples {
		s := &samples[i]
		k, seen := at[s.Name]
		if !seen {
			k = len(out)
			at[s.Name] = k
			out = append(out, family{name: s.Name, help: s.Help, kind: s.Kind})
		}
		out[k].points = append(out[k].points, point{labels: s.Labels, value: s.Value})
	}
	return out
}

// stageFamilies are the stage histograms, at every second power of two from 1 µs
// on, and the stamps that had to be mended.
func stageFamilies(st *Stages) []family {
	stages := family{name: "ceteris_request_stage_seconds", help: "Time of requests in each stage; Receive to ResponseSend add up to Total.", kind: KindGauge}
	bad := family{name: "ceteris_stamps_mended_total", help: "Stamps of the stage clock that were missing or went backwards.", kind: KindCounter}
	for c := range ClassCount {
		for s := range StageCount {
			if h := &st.Bank.Stages[c][s]; h.Count > 0 {
				stages.points = append(stages.points, point{labels: []Label{{"api", c.String()}, {"stage", s.String()}}, hist: h.distribution()})
			}
		}
		for t := range StampCount {
			if n := st.Bank.Missing[c][t]; n > 0 {
				bad.points = append(bad.points, point{labels: []Label{{"api", c.String()}, {"reason", "missing"}, {"stamp", t.String()}}, value: float64(n)})
			}
			if n := st.Bank.Backwards[c][t]; n > 0 {
				bad.points = append(bad.points, point{labels: []Label{{"api", c.String()}, {"reason", "backwards"}, {"stamp", t.String()}}, value: float64(n)})
			}
		}
	}
	return []family{stages, bad}
}

// distribution cuts the buckets at 2^10 ns, 2^12 ns and so on. The bounds are
// inclusive, hence one below the power.
func (h *Histogram) distribution() *distribution {
	d := &distribution{count: h.Count, sum: float64(h.SumNs) / 1e9}
	var seen uint64
	i := 0
	for exponent := 10; exponent <= maxExponent; exponent += 2 {
		bound := int64(1)<<exponent - 1
		for ; i < bucketCount; i++ {
			if _, hi := bucketRange(i); hi > bound {
				break
			}
			seen += h.Buckets[i]
		}
		d.bounds = append(d.bounds, float64(bound)/1e9)
		d.counts = append(d.counts, seen)
	}
	// The last bucket also counts what lies above its range.
	d.counts[len(d.counts)-1] -= h.Over
	return d
}

// recorderFamily is how many requests each thread finished since the reset.
func (g *Registry) recorderFamily() family {
	f := family{name: "ceteris_recorder_requests", help: "Requests by the thread that finished them, since the stages were reset.", kind: KindGauge}
	g.scraping.Lock()
	defer g.scraping.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.recorders {
		rec := &g.recorders[i]
		for c := range ClassCount {
			labels := append([]Label{{"api", c.String()}, {"recorder", strconv.Itoa(i)}}, rec.labels...)
			f.points = append(f.points, point{labels: labels, value: float64(rec.r.total.Stages[c][Total].Count)})
		}
	}
	return f
}
