package report

import (
	"math"
	"testing"

	"github.com/ceteris/ceteris/harness/stats"
)

// sweep is an analysis of two points: what each arm achieved, spent and took.
func sweep(arms map[string][2][3]float64, saturated string) *Analysis {
	a := &Analysis{Arms: []ArmName{{Name: "os-3-8"}, {Name: "os-1-2"}, {Name: "os-1-1"}}, Groups: []Group{{Workload: "w"}}}
	for load := range 2 {
		p := Point{Load: "closed", Arms: []ArmPoint{{Arm: "os-3-8", Replicate: true, Achieved: stats.Of(1e9)}}}
		if load == 1 {
			p.Saturated = []string{saturated}
		}
		for _, name := range a.Arms {
			v, ok := arms[name.Name]
			if !ok {
				continue
			}
			x := ArmPoint{Arm: name.Name, Achieved: stats.Of(v[load][0]), CPU: stats.Of(v[load][1])}
			x.Response.P99 = stats.Of(v[load][2])
			p.Arms = append(p.Arms, x)
		}
		a.Groups[0].Points = append(a.Groups[0].Points, p)
	}
	return a
}

func TestTuned(t *testing.T) {
	arms := map[string][2][3]float64{
		"os-3-8": {{100, 10, 50}, {400, 10, 50}},
		"os-1-2": {{200, 20, 25}, {400, 10, 50}},
		"os-1-1": {{100, 5, 100}, {100, 20, 200}},
	}
	for _, c := range []struct {
		aim       Aim
		saturated string
		best      string
		gain      float64
	}{
		{MostRequests, "", "os-1-2", math.Sqrt2},
		{LeastCPU, "", "os-3-8", 1}, // 1/sqrt 2 and 1
		{ShortestP99, "", "os-1-2", math.Sqrt2},
		{MostRequests, "os-1-2", "os-3-8", 1}, // fell behind where the first did not
	} {
		got, best, err := sweep(arms, c.saturated).tuned(c.aim)
		if err != nil {
			t.Fatal(err)
		}
		if got[best].Arm != c.best || math.Abs(got[best].Gain-c.gain) > 1e-3 || len(got) != 3 || len(got[best].Rows) != 2 {
			t.Errorf("for %s, %q saturated: best is %+v, want %s at %.3f", c.aim, c.saturated, got[best], c.best, c.gain)
		}
	}
	// Where all fell behind, p99 says nothing; requests and costs do.
	for aim, want := range map[Aim]string{ShortestP99: "os-3-8", MostRequests: "os-1-2"} {
		a := sweep(arms, "")
		a.Groups[0].Points[1].Saturated = []string{"os-3-8", "os-1-2", "os-1-1"}
		got, best, err := a.tuned(aim)
		if err != nil || got[best].Arm != want {
			t.Errorf("for %s, all saturated: best is %+v (%v), want %s", aim, got[best], err, want)
		}
	}
	// An arm without a valid cell is not the best, and without the first arm
	// nobody is.
	delete(arms, "os-1-2")
	if got, best, err := sweep(arms, "").tuned(MostRequests); err != nil || got[best].Arm != "os-3-8" || got[1].Gain != 0 {
		t.Errorf("%v: best %d of %+v", err, best, got)
	}
	delete(arms, "os-3-8")
	if _, _, err := sweep(arms, "").tuned(MostRequests); err == nil {
		t.Error("arms are compared with one that is not there")
	}
}
