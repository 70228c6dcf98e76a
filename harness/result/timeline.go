package result

import (
	"path/filepath"
	"strconv"
)

// Moment is one interval of a cell's time-line. Times are from the start of the
// measured window.
type Moment struct {
	FromMs, ToMs int64
	// Due in the interval; acknowledged in it, whenever they were due; and ended in
	// it otherwise, failed or left out.
	Due, Acked, Ended int64
	GivenUp           int64 // of those due in it, censored
	// Waiting is what was due and had not ended when the interval did.
	Waiting int64
}

// timelineHead is the first line of timeline.csv.
const timelineHead = "from_ms,to_ms,due,acknowledged,ended_otherwise,given_up,waiting"

// Timeline reads a cell's timeline.csv; nil without error when there is none.
func (c *CellRecord) Timeline() ([]Moment, error) {
	var out []Moment
	err := readCSV(filepath.Join(c.Dir, "timeline.csv"), timelineHead, func(f []string) (err error) {
		var v [7]int64
		for k := range v {
			if v[k], err = strconv.ParseInt(f[k], 10, 64); err != nil {
				return err
			}
		}
		out = append(out, Moment{v[0], v[1], v[2], v[3], v[4], v[5], v[6]})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
