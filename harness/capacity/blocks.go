package capacity

import (
	"maps"
	"math"
	"slices"

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

// Ranges is the logarithm of each block's capacity: between which rates it lies, and
// their middle. Blocks without a probe that counts have none.
func (b Blocks) Ranges() map[int]stats.Range {
	out := map[int]stats.Range{}
	for block, seen := range b {
		lo, hi, err := Within(seen)
		if err != nil {
			continue
		}
		r := stats.Range{Lo: math.Log(lo), Hi: math.Log(hi)}
		switch at, err := Of(seen); {
		case err == nil:
			r.Mid = math.Log(at)
		case lo == 0:
			r.Mid = r.Lo
		default:
			r.Mid = r.Hi
		}
		out[block] = r
	}
	return out
}

// Estimate is the Hodges-Lehmann estimate over blocks with its interval, in
// requests per second. A block that found none counts as beyond the rates it tried,
// and what lies between the last rate that a block kept and the first that it broke
// is in the interval: blocks that were asked for the same rates agree to the digit
// about a capacity that none of them knows to the digit.
func (b Blocks) Estimate() (value, lo, hi stats.Number, level float64) {
	ranges := b.Ranges()
	blocks := slices.Sorted(maps.Keys(ranges))
	logs := make([]stats.Range, len(blocks))
	for i, block := range blocks {
		logs[i] = ranges[block]
	}
	s, err := stats.HodgesLehmannWithin(logs)
	found, _ := b.Values()
	if err != nil || len(found) == 0 {
		none := stats.Refuse("no block found a capacity")
		return none, none, none, 0
	}
	if value = stats.Of(math.Exp(s.Estimate)); !value.OK() {
		value = stats.Refuse("%d of %d blocks have it beyond the rates that were tried", len(logs)-len(found), len(logs))
	}
	if s.Level == 0 {
		none := stats.Refuse("one block gives no interval")
		return value, none, none, 0
	}
	if hi = stats.Of(math.Exp(s.Hi)); !hi.OK() {
		hi = stats.Refuse("beyond the rates that were tried")
	}
	return value, stats.Of(math.Exp(s.Lo)), hi, s.Level
}

// Pooled is the estimate of the blocks that found a capacity; false when none did.
// It sets rates and claims nothing.
func Pooled(b Blocks) (float64, bool) {
	found, _ := b.Values()
	var logs []float64
	for _, v := range found {
		logs = append(logs, math.Log(v))
	}
	s, err := stats.HodgesLehmann(logs)
	return math.Exp(s.Estimate), err == nil
}
