package capacity

import (
	"math"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// Arm is one that was searched; a replicate apart from the arm that it repeats.
type Arm struct {
	Name      string
	Replicate bool
}

// Blocks is what the searches of an arm saw, by block.
type Blocks map[int][]Probe

// Gather reads the answers of every arm at one workload and durability.
func Gather(c *workloads.Capacity, cells []*result.CellRecord, workload, durability string) map[Arm]Blocks {
	out := map[Arm]Blocks{}
	for _, r := range cells {
		if r.Probe == 0 || r.Workload != workload || r.Durability != durability {
			continue
		}
		if p, ok := Answer(c, r); ok {
			a := Arm{r.Arm, r.Replicate}
			if out[a] == nil {
				out[a] = Blocks{}
			}
			out[a][r.Block] = append(out[a][r.Block], p)
		}
	}
	return out
}

// Values is the capacity that each block found, and why one found none.
func (b Blocks) Values() (found map[int]float64, not map[int]error) {
	found, not = map[int]float64{}, map[int]error{}
	for block, seen := range b {
		v, err := Of(seen)
		if err != nil {
			not[block] = err
			continue
		}
		found[block] = v
	}
	return found, not
}

// Estimate is the Hodges-Lehmann estimate over blocks with its interval, in
// requests per second; refused where no block found a capacity.
func (b Blocks) Estimate() (value, lo, hi stats.Number, level float64) {
	found, _ := b.Values()
	var logs []float64
	for _, v := range found {
		logs = append(logs, math.Log(v))
	}
	s, err := stats.HodgesLehmann(logs)
	if err != nil {
		none := stats.Refuse("no block found a capacity")
		return none, none, none, 0
	}
	value = stats.Of(math.Exp(s.Estimate))
	if s.Level == 0 {
		none := stats.Refuse("one block gives no interval")
		return value, none, none, 0
	}
	return value, stats.Of(math.Exp(s.Lo)), stats.Of(math.Exp(s.Hi)), s.Level
}

// Pooled is the estimate alone; false when there is none.
func Pooled(b Blocks) (float64, bool) {
	v, _, _, _ := b.Estimate()
	return v.Get()
}
