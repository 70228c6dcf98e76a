package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// fluid is a broker of a known capacity, times the load's rate, under an overload:
// requests come at equal steps, each is served in the same time, one after the other.
type fluid struct {
	o        workloads.Overload
	perSec   float64
	capacity float64
	baseNs   float64 // that every request takes beside waiting and service
	window   time.Duration
	interval time.Duration
	// late drops what would wait for longer than this; 0 drops nothing.
	late time.Duration
}

// recovers is when the backlog of T·(f − c) is gone at c − 1, after the overload's
// end.
func (f *fluid) recovers() time.Duration {
	return time.Duration(float64(f.o.For) * (f.o.Factor - f.capacity) / (f.capacity - 1))
}

// run is what a perfect generator records: histograms by the moment due, counts by
// the clock.
func (f *fluid) run() (intervals []*hdr.Histogram, line []result.Moment) {
	for at := time.Duration(0); at < f.window; at += f.interval {
		intervals = append(intervals, hdr.New(1000, 60e9, 2))
		line = append(line, result.Moment{FromMs: at.Milliseconds(), ToMs: min(at+f.interval, f.window).Milliseconds()})
	}
	const timeoutNs = 10e9
	service := 1e9 / (f.perSec * f.capacity)
	wait, at := 0.0, 0.0
	for at < float64(f.window) {
		i := int(at / float64(f.interval))
		line[i].Due++
		gap := 1e9 / f.perSec
		if at >= float64(f.o.At) && at < float64(f.o.End()) {
			gap /= f.o.Factor
		}
		if f.late > 0 && wait > float64(f.late) {
			line[i].GivenUp++
			line[i].Ended++
			_ = intervals[i].RecordValue(timeoutNs)
		} else {
			response := f.baseNs + wait + service
			_ = intervals[i].RecordValue(int64(response)) // within a minute
			if k := int((at + response) / float64(f.interval)); k < len(line) {
				line[k].Acked++
			}
			wait += service
		}
		wait = max(0, wait-gap)
		at += gap
	}
	waiting := int64(0)
	for i := range line {
		waiting += line[i].Due - line[i].Acked - line[i].Ended
		line[i].Waiting = waiting
	}
	return intervals, line
}

func (f *fluid) judge(t interface{ Fatal(...any) }) *OverloadRun {
	intervals, line := f.run()
	w := &workloads.Workload{Overload: &f.o, Late: workloads.SendLate}
	if f.late > 0 {
		w.Late = workloads.DropLate
	}
	x, err := overloadOf(w, &result.CellRecord{LoadPerSec: f.perSec}, intervals, line, "B")
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// twice is an overload of twice the load for 400 ms, after 400 ms.
func twice(capacity float64) fluid {
	return fluid{
		o: workloads.Overload{
			At: 400 * time.Millisecond, For: 400 * time.Millisecond, Factor: 2, Percentile: "p50", Within: 2, Hold: 200 * time.Millisecond,
		},
		perSec: 2000, capacity: capacity, baseNs: 1e6, window: 4 * time.Second, interval: 50 * time.Millisecond,
	}
}

// TestRecoveryOfAFluid: a backlog that grows at f − c for T is gone T·(f − c)/(c − 1)
// after the overload, and that is what the response times by the moment due say, to
// one step. So do the backlog's peak, the worst response and the goodput.
func TestRecoveryOfAFluid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := twice(rapid.Float64Range(1.15, 1.9).Draw(t, "capacity"))
		f.o.Percentile = rapid.SampledFrom([]string{"p50", "p90", "p99"}).Draw(t, "percentile")
		f.o.For = rapid.SampledFrom([]time.Duration{200, 400, 430}).Draw(t, "for") * time.Millisecond
		f.window = f.o.End() + f.recovers() + 2*time.Second
		x := f.judge(t)
		step := time.Duration(x.StepNs)
		got, ok := x.Recover.Get()
		// The median is back when half of a step waits for less than its level, and a
		// level's wait is worked off at c − 1 as the rest of the backlog is.
		level := time.Duration(f.baseNs * f.capacity / (f.capacity - 1))
		if want := f.recovers(); x.Outcome != recovered || !ok || time.Duration(got) < want-step/2-2*level || time.Duration(got) > want+step+f.interval {
			t.Fatalf("%s, recovered after %v (%s), want %v and at most %v more", x.Outcome, time.Duration(got), x.Recover.Refusal(), want, step)
		}
		grown := f.o.For.Seconds() * (f.o.Factor - f.capacity) // in units of a second of the load
		near := func(what string, n stats.Number, want, slack float64) {
			t.Helper()
			if v, ok := n.Get(); !ok || math.Abs(v-want) > slack {
				t.Fatalf("%s: %v (%s), want %v ± %v", what, v, n.Refusal(), want, slack)
			}
		}
		// An interval may end up to its length before the backlog's peak.
		inFlight := f.perSec * f.capacity * (f.baseNs/1e9 + 1/(f.perSec*f.capacity))
		near("peak", x.Peak, f.perSec*grown+inFlight, 3+f.perSec*f.interval.Seconds()*f.o.Factor*float64(min(1, f.o.For%f.interval)))
		near("worst", x.Worst, f.baseNs+1e9*grown/f.capacity, 2e6+0.01e9*grown)
		near("goodput", x.Goodput, f.capacity/f.o.Factor, 0.03)
	})
}

// TestEdges: an interval that the overload's beginning or end cuts is neither before,
// in nor after it.
func TestEdges(t *testing.T) {
	var line []result.Moment
	for at := int64(0); at < 1000; at += 50 {
		line = append(line, result.Moment{FromMs: at, ToMs: at + 50})
	}
	for _, c := range []struct {
		at, long   time.Duration
		a, b, c, d int
	}{
		{400, 200, 8, 8, 12, 12},
		{410, 200, 8, 9, 12, 13},
		{399, 1, 7, 8, 8, 8},
		{410, 20, 8, 9, 9, 9},
		{400, 600, 8, 8, 20, 20},
	} {
		o := &workloads.Overload{At: c.at * time.Millisecond, For: c.long * time.Millisecond}
		if a, b, e, d := edges(line, o); a != c.a || b != c.b || e != c.c || d != c.d {
			t.Errorf("%d ms from %d ms: got %d, %d, %d, %d, want %d, %d, %d, %d", c.long, c.at, a, b, e, d, c.a, c.b, c.c, c.d)
		}
	}
}

// TestNoRecoveryIsNoNumber: what does not come back within the window, or does not
// stay, has no time; nor has what was never overloaded.
func TestNoRecoveryIsNoNumber(t *testing.T) {
	long := twice(1.05) // would take 7.6 s
	unheld := twice(1.2)
	unheld.window = unheld.o.End() + unheld.recovers() + 150*time.Millisecond
	toTheEnd := twice(1.2)
	toTheEnd.o.Hold = 0
	toTheEnd.window = unheld.window
	ample := twice(2.5)
	short := twice(1.2)
	short.o.Percentile, short.perSec = "p99", 100
	behind := twice(0.9)
	early := twice(1.2)
	early.o.At = 20 * time.Millisecond
	for name, c := range map[string]struct {
		f       fluid
		outcome string
		why     string
	}{
		"too long":          {long, notRecovered, "not recovered within the 3.2s that the window went on"},
		"not long enough":   {unheld, notRecovered, "not recovered within the 1.75s"},
		"held to the end":   {toTheEnd, recovered, ""},
		"never overloaded":  {ample, notOverloaded, "not overloaded: p50 did not leave its level"},
		"too few requests":  {short, notKnown, "too few requests for p99"},
		"behind before it":  {behind, notKnown, "did not keep up before the overload"},
		"nothing before it": {early, notKnown, "none wholly before"},
	} {
		x := c.f.judge(t)
		if x.Outcome != c.outcome || !strings.Contains(x.Recover.Refusal(), c.why) || x.Recover.OK() != (c.why == "") {
			t.Errorf("%s: %s, %q, want %s, %q", name, x.Outcome, x.Recover.Refusal(), c.outcome, c.why)
		}
	}
	// A relapse within the hold starts it anew.
	f := twice(1.2)
	intervals, line := f.run()
	back := int(math.Ceil(float64(f.o.End()+f.recovers()) / float64(f.interval)))
	_ = intervals[back+2].RecordValues(5e8, 300)
	line[back+2].Due += 300
	x, err := overloadOf(&workloads.Workload{Overload: &f.o}, &result.CellRecord{LoadPerSec: f.perSec}, intervals, line, "C")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := x.Recover.Get(); time.Duration(got) != f.recovers()+3*f.interval {
		t.Errorf("after a relapse: %v, want %v", time.Duration(got), f.recovers()+3*f.interval)
	}
	// A time-line that is not of these histograms is an error.
	line[0].Due++
	if _, err := overloadOf(&workloads.Workload{Overload: &f.o}, &result.CellRecord{LoadPerSec: f.perSec}, intervals, line, "C"); err == nil {
		t.Error("a time-line of another run is taken")
	}
}

// TestWorstIsNotOfSharedHosts: the longest response is above every percentile, and on
// host class C nothing above p99 is claimed; what is no extreme is.
func TestWorstIsNotOfSharedHosts(t *testing.T) {
	f := twice(1.5)
	intervals, line := f.run()
	for class, want := range map[string]bool{"A": true, "B": true, "C": false} {
		x, err := overloadOf(&workloads.Workload{Overload: &f.o}, &result.CellRecord{LoadPerSec: f.perSec}, intervals, line, class)
		if err != nil {
			t.Fatal(err)
		}
		if x.Worst.OK() != want || !want && !strings.Contains(x.Worst.Refusal(), "p99.9 is not claimed on host class C") || !x.Peak.OK() || !x.Recover.OK() {
			t.Errorf("class %s: worst %v (%s), %+v", class, x.Worst.OK(), x.Worst.Refusal(), x)
		}
	}
	_, a := analysed(t, fluids(t, func(result.PlannedCell) float64 { return 1.5 }))
	if c := a.comparison(t, "process", "2000", "overload_worst_response"); c.Ratio.OK() {
		t.Errorf("compared on class C: %+v", c)
	}
}

// TestDroppingHidesNothing: a load that drops what would wait has a short backlog and
// a median that knows nothing of it; what it dropped counts all the same.
func TestDroppingHidesNothing(t *testing.T) {
	f := twice(1.6)
	f.o.Within = 50 // the median stays below: the drop alone tells
	f.late = 20 * time.Millisecond
	x := f.judge(t)
	if x.Outcome != recovered || x.GivenUp < 200 || x.Worst.OK() || x.Peak.OK() || !strings.Contains(x.Peak.Refusal(), "dropped instead of waiting") {
		t.Errorf("%+v", x)
	}
	if share, _ := x.Goodput.Get(); math.Abs(share-0.8) > 0.03 {
		t.Errorf("goodput %v, want 0.8", share)
	}
}

// fluids writes the cells of a result whose arms are fluids.
func fluids(t *testing.T, capacity func(p result.PlannedCell) float64) string {
	t.Helper()
	w := small(6)
	w.endpoints = `, secondary: [time to recover]`
	w.shape = strings.Replace(w.shape, "durability: [process]", `durability: [process]
    overload: {at: 400ms, for: 400ms, factor: 2, hold: 200ms}
    faults: [{at: 100ms, stall: 1ms}]`, 1)
	w.change = func(c *result.CellRecord) {
		c.Faults = []result.Fault{{AtNs: 1e8, StallNs: 1e6, AskedNs: 1.01e8, AnsweredNs: 1.03e8}}
		c.Faults[0].Stood.Threads, c.Faults[0].Stood.LongestNs = 1, 1e6
	}
	dir := w.make(t)
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cells {
		f := twice(capacity(result.PlannedCell{Block: c.Block, Arm: c.Arm, Replicate: c.Replicate}))
		f.window = 2 * time.Second
		f.perSec = c.LoadPerSec
		intervals, line := f.run()
		for i, h := range intervals {
			h.SetTag("produce")
			h.SetStartTimeMs(line[i].FromMs)
			h.SetEndTimeMs(line[i].ToMs)
		}
		var b strings.Builder
		b.WriteString("from_ms,to_ms,due,acknowledged,ended_otherwise,given_up,waiting\n")
		for _, m := range line {
			fmt.Fprintf(&b, "%d,%d,%d,%d,%d,%d,%d\n", m.FromMs, m.ToMs, m.Due, m.Acked, m.Ended, m.GivenUp, m.Waiting)
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "timeline.csv"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		writeTimed(t, filepath.Join(c.Dir, "response.hlog"), intervals)
	}
	return dir
}

// writeTimed writes intervals at their own times.
func writeTimed(t *testing.T, path string, hists []*hdr.Histogram) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdr.NewHistogramLogWriter(f)
	for _, h := range hists {
		if err := w.OutputIntervalHistogram(h); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOverloadIsReported: two arms of known capacities recover as theory says, in the
// analysis, the tables, the headline and on the page, with a ratio and an interval.
func TestOverloadIsReported(t *testing.T) {
	dir := fluids(t, func(p result.PlannedCell) float64 {
		if p.Arm == "tpc" {
			return 1.8 // gone after 100 ms
		}
		return 1.5 // after 400 ms
	})
	headline, a := build(t, dir)
	c := a.comparison(t, "process", "2000", timeToRecover)
	if ratio, _ := c.Ratio.Get(); math.Abs(ratio-0.25) > 0.05 || c.Blocks != 6 || !c.Declared || c.Lower != 6 || c.Level < 0.95 {
		t.Errorf("time to recover: %+v, want 100 over 400 ms", c)
	}
	if g := a.comparison(t, "process", "2000", goodput); g.Declared {
		t.Error("goodput was not declared")
	} else if ratio, _ := g.Ratio.Get(); math.Abs(ratio-1.2) > 0.05 {
		t.Errorf("goodput: %+v, want 0.9 over 0.75", g)
	}
	// Times are read off in steps of 50 ms, each of which may have been over at once.
	lo, _ := c.Lo.Get()
	if hi, ok := c.Hi.Get(); !ok || lo > 0.126 || hi < 0.285 {
		t.Errorf("time to recover: %+v, want an interval that holds 50 over 400 and 100 over 350 ms", c)
	}
	for text, want := range map[string]Ruling{
		"tpc/threadpool time to recover <= 0.5":  Kept,
		"threadpool/tpc time to recover <= 1.5":  Broken,
		"tpc/threadpool overload goodput >= 1.1": Kept,
	} {
		b, err := ParseBound(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, why, err := Judge(dir, []Bound{b}); err != nil || got != want {
			t.Errorf("%q: %v, want %v: %s, %v", text, got, want, why, err)
		}
	}
	for _, x := range a.Groups[0].Points[0].Arms {
		want := map[string]float64{"tpc": 100e6, "threadpool": 400e6}[x.Arm]
		if got, _ := x.Overload.Recover.Get(); x.Overload.Recovered != x.Overload.Blocks || math.Abs(got-want) > 50e6 {
			t.Errorf("%s: %+v, want %v", x.Arm, x.Overload, time.Duration(want))
		}
	}
	for _, want := range []string{"overload of 2.00 times the load for 400ms", "recovered 400 ms after it (6 of 6 blocks)", "time to recover"} {
		if !strings.Contains(headline, want) {
			t.Errorf("the headline lacks %q:\n%s", want, headline)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Overload and recovery", "Along the measured window", "2.00 times as high for 0.4 s from 0.4 s", "for 0.2 s"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	rows, err := os.ReadFile(filepath.Join(dir, "tables", "overload.csv"))
	if err != nil || strings.Count(string(rows), "\n") != 1+18 || !strings.Contains(string(rows), ",recovered,") {
		t.Errorf("%s, %v", rows, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "figures", "timeline-1k-process-2000.csv"))
	if err != nil || !strings.Contains(string(data), "overload,,,0.4,0.8,") || !strings.Contains(string(data), "stall,,,0.101,0.102,") {
		t.Errorf("the time-line lacks what happened: %.300s, %v", data, err)
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
}

// TestJudgeOverloads: what overloads are about can be held against bounds as anything
// else, and where there was none there is nothing to judge.
func TestJudgeOverloads(t *testing.T) {
	dir := fluids(t, func(p result.PlannedCell) float64 {
		if p.Arm == "tpc" {
			return 1.8 // gone after 100 ms
		}
		return 1.5 // after 400 ms
	})
	part := fluids(t, func(p result.PlannedCell) float64 {
		if p.Arm == "threadpool" && p.Block == 0 {
			return 1.1 // not within the window
		}
		return 1.5
	})
	for _, c := range []struct {
		dir, limit string
		want       Ruling
		says       string
	}{
		{dir, "tpc/threadpool time to recover <= 0.5", Kept, "kept        1k process 2000: 0.25"},
		{dir, "tpc/threadpool time_to_recover <= 0.05", Broken, "broken"},
		{dir, "tpc/threadpool time_to_recover <= 0.2", Undecided, "floor x2.00: the interval holds the limit"}, // times are read off in steps
		{dir, "tpc/threadpool overload goodput >= 1.1 at 1k", Kept, "kept"},
		{part, "tpc/threadpool time to recover <= 2", Undecided, "threadpool in 1 of 6 blocks not recovered"},
	} {
		b, err := ParseBound(c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got, text, err := Judge(c.dir, []Bound{b})
		if err != nil || got != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%q: %v (%v), want %v saying %q:\n%s", c.limit, got, err, c.want, c.says, text)
		}
	}
	b, err := ParseBound("tpc/threadpool time to recover <= 0.5")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Judge(small(6).make(t), []Bound{b}); err == nil || !strings.Contains(err.Error(), "no cell with an overload counts") {
		t.Errorf("without an overload: %v", err)
	}
}

// TestCensoredRecovery: where an arm did not recover in one block, there is no ratio,
// and its median is of all blocks.
func TestCensoredRecovery(t *testing.T) {
	slow := func(blocks int) string {
		return fluids(t, func(p result.PlannedCell) float64 {
			if p.Arm == "threadpool" && p.Block < blocks {
				return 1.1 // gone after 3.6 s, and the window ends after 1.2
			}
			return 1.5
		})
	}
	_, a := analysed(t, slow(1))
	c := a.comparison(t, "process", "2000", timeToRecover)
	if c.Ratio.OK() || c.P.OK() || !strings.Contains(c.Words, "threadpool in 1 of 6 blocks not recovered within the 1.2s") || strings.Contains(c.Words, "tpc in") {
		t.Errorf("one block did not recover: %+v", c)
	}
	pool := a.Groups[0].Points[0].Arms[1].Overload
	if got, _ := pool.Recover.Get(); pool.Recovered != 5 || got != 400e6 {
		t.Errorf("one block did not recover: %+v", pool)
	}
	headline, a := analysed(t, slow(4))
	pool = a.Groups[0].Points[0].Arms[1].Overload
	if pool.Recover.OK() || pool.Recovered != 2 || pool.Recover.Refusal() != "recovered in 2 of 6 blocks within the window" {
		t.Errorf("four blocks did not recover: %+v", pool)
	}
	if !strings.Contains(headline, "threadpool                    recovered in 2 of 6 blocks\n") {
		t.Errorf("the headline says otherwise:\n%s", headline)
	}
}

// TestFloorOfThoseThatCameBack: an arm that comes back from an overload once and not the
// second time differs from itself without a bound, and nothing is resolved beside that.
func TestFloorOfThoseThatCameBack(t *testing.T) {
	for stays, want := range map[bool]stats.Verdict{false: stats.Resolved, true: stats.Unfloored} {
		_, a := analysed(t, fluids(t, func(p result.PlannedCell) float64 {
			switch {
			case stays && p.Replicate && p.Block == 0:
				return 1.1 // not within the window
			case p.Arm == "tpc":
				return 1.8
			}
			return 1.3
		}))
		if c := a.comparison(t, "process", "2000", timeToRecover); c.Verdict != want || c.Floor.OK() == stays {
			t.Errorf("one second run stays away: %v; %+v, want %s", stays, c, want)
		}
	}
}
