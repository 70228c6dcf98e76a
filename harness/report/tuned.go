package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/harness/stats"
)

// Aim is what tuning looks for.
type Aim string

// The aims: most requests per second, most requests for the broker's CPU time,
// the shortest p99.
const (
	MostRequests Aim = "requests"
	LeastCPU     Aim = "cpu"
	ShortestP99  Aim = "p99"
)

// TunedRow is one arm of a sweep at one load of one workload.
type TunedRow struct {
	Workload, Durability, Load string
	Point                      *ArmPoint
	// Gain is how much better than the first arm this one is: above 1 better,
	// 0 unknown.
	Gain float64
}

// TunedArm is one arm over all loads and workloads of a sweep.
type TunedArm struct {
	Arm  string
	Rows []TunedRow
	// Gain is the geometric mean of its rows'; 0 when one is unknown, or when the
	// arm fell behind at a load that the first one kept up with, or at any where
	// latencies are looked for.
	Gain float64
}

// Tuned reads a sweep's report in dir: its arms in the experiment's order, each
// beside the first. best is the index of the one with the highest gain, the
// first of equals.
func Tuned(dir string, aim Aim) (arms []TunedArm, best int, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "analysis.json"))
	if err != nil {
		return nil, 0, err
	}
	var a Analysis
	if err := json.Unmarshal(b, &a); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", filepath.Join(dir, "analysis.json"), err)
	}
	return a.tuned(aim)
}

func (a *Analysis) tuned(aim Aim) (arms []TunedArm, best int, err error) {
	if len(a.Arms) == 0 {
		return nil, 0, errors.New("the result has no arms")
	}
	at := map[string]int{}
	for i, name := range a.Arms {
		at[name.Name] = i
		arms = append(arms, TunedArm{Arm: name.Name})
	}
	points := 0
	a.each(func(g *Group, p *Point) {
		points++
		base := math.NaN()
		for i := range p.Arms {
			if x := &p.Arms[i]; !x.Replicate && at[x.Arm] == 0 {
				base = aim.goodness(x)
			}
		}
		behind := func(arm string) bool { return contains(p.Saturated, arm) }
		for i := range p.Arms {
			x := &p.Arms[i]
			if x.Replicate {
				continue
			}
			row := TunedRow{Workload: g.Workload, Durability: g.Durability, Load: p.Load, Point: x, Gain: aim.goodness(x) / base}
			// Latencies of two arms that fell behind measure how long their runs were.
			first := at[x.Arm] == 0
			if math.IsNaN(row.Gain) || behind(x.Arm) && !first && (aim == ShortestP99 || !behind(arms[0].Arm)) {
				row.Gain = 0
			}
			t := &arms[at[x.Arm]]
			t.Rows = append(t.Rows, row)
		}
	})
	for i := range arms {
		t := &arms[i]
		if t.Gain = geometricMean(t.Rows, points); t.Gain > arms[best].Gain {
			best = i
		}
	}
	if arms[best].Gain == 0 {
		return nil, 0, errors.New("no arm ran well enough to be compared; the report says why")
	}
	return arms, best, nil
}

// goodness grows with what the aim wants; not a number where it is unknown.
func (aim Aim) goodness(x *ArmPoint) float64 {
	of, inverse := x.Achieved, false
	switch aim {
	case LeastCPU:
		of, inverse = x.CPU, true
	case ShortestP99:
		of, inverse = x.Response.P99, true
	}
	v, ok := of.Get()
	if !ok || v <= 0 {
		return math.NaN()
	}
	if inverse {
		return 1 / v
	}
	return v
}

// geometricMean is that of the gains of all points; 0 when one is missing.
func geometricMean(rows []TunedRow, points int) float64 {
	if len(rows) < points || points == 0 {
		return 0
	}
	sum := 0.0
	for _, r := range rows {
		sum += math.Log(r.Gain) // of 0: the mean is 0 then
	}
	return stats.Round(math.Exp(sum / float64(points)))
}
