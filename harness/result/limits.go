package result

import (
	"fmt"
	"os"
	"path/filepath"
)

// Limits is what the machine itself did once in a block, with no broker running;
// 0 where it was not asked for.
type Limits struct {
	DiskPerSec     float64 `json:"disk_bytes_per_sec"` // sequential direct writes of 1 MiB
	DiskDepth      int     `json:"disk_depth"`         // at which that was reached
	LoopbackPerSec float64 `json:"loopback_bytes_per_sec"`
}

// LimitsPath is where a block's limits are, below the run's directory.
func LimitsPath(block int) string {
	return filepath.Join("blocks", fmt.Sprintf("%03d", block), "limits.json")
}

// Limits reads the limits of every block that has them, in order.
func (r *Run) Limits() ([]Limits, error) {
	var out []Limits
	seen := -1
	for _, p := range r.Planned { // by block
		if p.Block == seen {
			continue
		}
		seen = p.Block
		var l Limits
		err := readJSON(filepath.Join(r.Dir, LimitsPath(seen)), &l)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}
