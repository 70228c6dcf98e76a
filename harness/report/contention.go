package report

import (
	"slices"
	"strings"

	"github.com/ceteris/ceteris/harness/stats"
)

// LockClass is what the locks of one kind saw, for each acknowledged request.
type LockClass struct {
	Class  string       `json:"class"`
	Waits  stats.Number `json:"waits_per_request"`
	WaitNs stats.Number `json:"wait_ns_per_request"`
	HeldNs stats.Number `json:"held_mean_ns"` // of the sampled holdings
}

// contention is what threads waited for one another, over the windows together.
func (in *Inside) contention(looks []*look) {
	var acked, switches float64
	for _, x := range looks {
		acked, switches = acked+x.acked, switches+x.switches
	}
	in.Switches = over(switches, acked, true, "nothing was acknowledged")
	wait, ok := grown(looks, lockWait)
	in.LockWait = over(wait, acked, ok, "the model has no locks, or does not time them")
	var classes []string
	for series := range looks[0].end {
		if class, ok := strings.CutPrefix(series, lockWait); ok {
			classes = append(classes, class)
		}
	}
	slices.Sort(classes)
	for _, labels := range classes {
		grew := func(name string) float64 {
			v, _ := grown(looks, name+labels)
			return v
		}
		in.Locks = append(in.Locks, LockClass{
			Class:  strings.TrimSuffix(strings.TrimPrefix(labels, `{class="`), `"}`),
			Waits:  over(grew("ceteris_lock_contended_total"), acked, true, "nothing was acknowledged"),
			WaitNs: over(grew(lockWait), acked, true, "nothing was acknowledged"),
			HeldNs: over(grew("ceteris_lock_held_sampled_nanoseconds_total"), grew("ceteris_lock_held_sampled_total"), true, "none was sampled"),
		})
	}
}

// lockWait is the metric of a pool's waits, with a series for each class.
const lockWait = "ceteris_lock_wait_nanoseconds_total"
