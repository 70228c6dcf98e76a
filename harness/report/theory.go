package report

import (
	"fmt"
	"strconv"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/theory"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/workloads"
)

// Theory is what queueing theory expects of an arm that injects service time, at
// every load of one workload. See [Analysis.theories] for what it rests on.
type Theory struct {
	Workload   string `json:"workload"`
	Durability string `json:"durability"`
	Arm        string `json:"arm"`
	Law        string `json:"injected_law"`
	MeanNs     int64  `json:"injected_mean_ns"`
	Servers    int    `json:"servers"`
	Queues     string `json:"queues"` // "one", or "one each, in rounds"
	// Limit is how many requests of one connection the broker takes in at once.
	Limit int `json:"requests_of_a_connection"`
	// Delay is what a request meets outside the queue and the server: the median
	// response time at the lowest load less the simulated one.
	Delay  stats.Number  `json:"delay_ns"`
	Why    string        `json:"not_predicted,omitempty"` // why there are no points
	Points []TheoryPoint `json:"points,omitempty"`
}

// TheoryPoint is one load.
type TheoryPoint struct {
	Load       string  `json:"load"`
	LoadPerSec float64 `json:"load_per_sec"`
	// Calibration is the load whose median gave the delay: it is compared with nothing.
	Calibration bool         `json:"calibration"`
	Base        stats.Number `json:"base_ns"`    // of a request, beside what is injected
	Busy        stats.Number `json:"busy_ratio"` // of the servers' time, as predicted from it
	// Others is the share of its CPUs that other threads of the broker took, of which
	// every service takes that much longer.
	Others stats.Number `json:"other_threads_ratio"`
	// Kept is the share of the window in which the serving threads were ready to run
	// and did not, summed over them: what the machine did to them, which no theory of
	// queues knows of.
	Kept stats.Number   `json:"kept_from_cpu_ratio"`
	P50  TheoryQuantile `json:"p50"`
	P99  TheoryQuantile `json:"p99"`
}

// TheoryQuantile is one percentile, measured over all blocks and predicted.
type TheoryQuantile struct {
	Measured  stats.Number `json:"measured_ns"`
	Predicted stats.Number `json:"predicted_ns"`
	// Lo and Hi hold the percentile of 95 of 100 simulated windows as long as the
	// measured ones; Inside says of how many of the runs, too.
	Lo     stats.Number `json:"predicted_lo_ns"`
	Hi     stats.Number `json:"predicted_hi_ns"`
	Ratio  stats.Number `json:"measured_over_predicted"`
	Inside int          `json:"runs_inside"`
	Runs   int          `json:"runs"`
}

// calibrationBusy is how busy servers may be at the load that the delay is taken
// from: above it, its median would be of waits.
const calibrationBusy = 0.3

// theories predicts every arm that injects service time. What a request costs
// beside that is the CPU time of the threads that serve, at the load itself, by the
// kernel's account and without polling; what it meets outside is the median at the
// lowest load. No response time of another load goes into its prediction.
func (a *Analysis) theories(e *workloads.Experiment, d data) error {
	for i := range a.Groups {
		g := &a.Groups[i]
		w := workloadOf(e, g.Workload)
		for _, arm := range a.Arms {
			said, err := g.said(arm.Name, d)
			if err != nil {
				return err
			}
			if said == nil || said.number("service.time.ns") == 0 || w == nil {
				continue
			}
			t := Theory{
				Workload: g.Workload, Durability: g.Durability, Arm: arm.Name, Law: busywork.Law(said.number("service.time.law")).String(),
				MeanNs: said.number("service.time.ns"), Delay: stats.Refuse("nothing was predicted"),
			}
			s, why := said.station(arm.Model, w)
			t.Servers, t.Limit, t.Queues = s.Servers, s.Limit, s.Queues()
			if t.Why = why; why == "" {
				t.predict(&s, e, g, d, func(list []*run) served { return serve(list, said.cpus(), said.serving(arm.Model)) })
			}
			a.Theory = append(a.Theory, t)
		}
	}
	return nil
}

// The percentiles that are predicted.
var theoryQuantiles = []float64{0.5, 0.99}

// predict fills in the points.
func (t *Theory) predict(s *theory.Station, e *workloads.Experiment, g *Group, d data, of func([]*run) served) {
	injected := s.MeanNs
	window := theory.Window{WarmupNs: float64(e.Warmup), MeasureNs: float64(e.Measure)}
	for i := range g.Points {
		p := &g.Points[i]
		x := p.arm(t.Arm)
		if p.LoadPerSec == 0 || x == nil {
			continue
		}
		at := TheoryPoint{Load: p.Load, LoadPerSec: p.LoadPerSec, Calibration: !t.Delay.OK()}
		cost := of(d[where{g.Workload, g.Durability, p.LoadPerSec}][who{t.Arm, false}].list())
		ns, ok := cost.perRequestNs.Get()
		if !ok {
			t.Why = cost.perRequestNs.Refusal()
			return
		}
		base := max(0, ns-injected)
		left := 1 - cost.others
		s.PerSec, s.BaseNs, s.MeanNs = p.LoadPerSec, base/left, injected/left
		at.Base, at.Busy = stats.Of(stats.Round(base)), stats.Of(stats.Round(s.Load()))
		at.Others, at.Kept = stats.Of(stats.Round(cost.others)), cost.kept
		seed := workloads.Dimension(e.Seed, "theory/"+g.Workload+"/"+p.Load)
		if at.Calibration {
			median, ok := x.Response.P50.Get()
			if !ok || s.Load() > calibrationBusy {
				t.Why = fmt.Sprintf("at the lowest load, %s, servers are busy for %s of the time, and the delay outside of them can be told up to %s only",
					p.Load, figure.Percent(s.Load()), figure.Percent(calibrationBusy))
				return
			}
			window.DelayNs = median - s.Predict(window, seed, theoryQuantiles)[0].Ns
			t.Delay = stats.Of(stats.Round(window.DelayNs))
		}
		if s.Load() < 1 {
			expected := s.Predict(window, seed, theoryQuantiles)
			at.P50.expect(expected[0])
			at.P99.expect(expected[1])
		} else {
			full := stats.Refuse("servers would be busy all the time, and the queue grow")
			at.P50 = TheoryQuantile{Predicted: full, Lo: full, Hi: full}
			at.P99 = at.P50
		}
		at.P50.beside(x, p, at.Calibration, x.Response.P50, func(r *RunPoint) stats.Number { return r.P50 })
		at.P99.beside(x, p, at.Calibration, x.Response.P99, func(r *RunPoint) stats.Number { return r.P99 })
		t.Points = append(t.Points, at)
	}
}

func (q *TheoryQuantile) expect(e theory.Expected) {
	q.Predicted, q.Lo, q.Hi = stats.Of(stats.Round(e.Ns)), stats.Of(stats.Round(e.LoNs)), stats.Of(stats.Round(e.HiNs))
}

// beside sets what was measured beside what was predicted.
func (q *TheoryQuantile) beside(x *ArmPoint, p *Point, calibration bool, measured stats.Number, of func(*RunPoint) stats.Number) {
	q.Measured = measured
	got, _ := measured.Get()
	want, ok := q.Predicted.Get()
	switch {
	case calibration:
		q.Ratio = stats.Refuse("the delay was taken from this load")
	case contains(p.Saturated, x.Arm):
		q.Ratio = stats.Refuse("saturated: what was measured is how long the run was")
	case !measured.OK():
		q.Ratio = measured
	case !ok:
		q.Ratio = q.Predicted
	default:
		q.Ratio = stats.Of(stats.Round(got / want))
	}
	lo, told := q.Lo.Get()
	hi, _ := q.Hi.Get()
	if !told {
		return // there is nothing for runs to be inside of
	}
	for i := range x.Runs {
		if v, ok := of(&x.Runs[i]).Get(); ok {
			q.Runs++
			if lo <= v && v <= hi {
				q.Inside++
			}
		}
	}
}

// arm is an arm's own runs at the point; nil where it has none.
func (p *Point) arm(name string) *ArmPoint {
	for i := range p.Arms {
		if x := &p.Arms[i]; x.Arm == name && !x.Replicate {
			return x
		}
	}
	return nil
}

// Mean is the injected mean in words, Both the percentiles in the page's order.
func (t *Theory) Mean() string                { return figure.Duration(float64(t.MeanNs)) }
func (p *TheoryPoint) Both() []TheoryQuantile { return []TheoryQuantile{p.P50, p.P99} }

func theoryRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "arm", "injected_law", "injected_mean_ns", "servers", "queues", "requests_of_a_connection", "delay_ns",
		"load_per_sec", "calibration", "base_ns", "busy_ratio", "other_threads_ratio", "kept_from_cpu_ratio", "quantile", "measured_ns", "predicted_ns", "predicted_lo_ns", "predicted_hi_ns",
		"measured_over_predicted", "runs_inside", "runs",
	}}
	for _, t := range a.Theory {
		for _, p := range t.Points {
			for _, q := range []struct {
				name string
				TheoryQuantile
			}{{"p50", p.P50}, {"p99", p.P99}} {
				rows = append(rows, []string{
					t.Workload, t.Durability, t.Arm, t.Law, strconv.FormatInt(t.MeanNs, 10), strconv.Itoa(t.Servers), t.Queues, strconv.Itoa(t.Limit), field(t.Delay),
					plain(p.LoadPerSec), strconv.FormatBool(p.Calibration), field(p.Base), field(p.Busy), field(p.Others), field(p.Kept), q.name, field(q.Measured), field(q.Predicted), field(q.Lo), field(q.Hi),
					field(q.Ratio), strconv.Itoa(q.Inside), strconv.Itoa(q.Runs),
				})
			}
		}
	}
	return rows
}
