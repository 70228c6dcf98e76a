package reactor

import (
	"bytes"
	"math"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
)

// The goroutine of a reactor carries these labels in profiles, and so do the
// goroutines that it starts.
const (
	labelShard   = "shard"   // Options.Name
	labelReactor = "reactor" // unique in the process
)

// runFrame is in the stack of a reactor's own goroutine only.
const runFrame = "reactor.(*Reactor).Run+"

// stackOf is the stack of the goroutine that runs the reactor, by a profile of
// all goroutines. The world is stopped while the profile begins; goroutines then
// go on while their stacks are gathered.
func stackOf(id string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return "\tno stack: " + err.Error()
	}
	if stack := pickStack(profile.String(), id); stack != "" {
		return stack
	}
	return "\tno stack: the reactor's goroutine is not in the profile"
}

// pickStack finds the reactor's record in a goroutine profile's text form, where
// records are separated by empty lines and frames are lines of
// "#", address, function+offset, file:line.
func pickStack(profile, id string) string {
	label := `"` + labelReactor + `":"` + id + `"`
	for record := range strings.SplitSeq(profile, "\n\n") {
		if !strings.Contains(record, label) || !strings.Contains(record, runFrame) {
			continue
		}
		var out strings.Builder
		for line := range strings.SplitSeq(record, "\n") {
			f := strings.Fields(line)
			if len(f) < 4 || f[0] != "#" || !strings.HasPrefix(f[1], "0x") {
				continue
			}
			out.WriteString("\t" + f[2] + " " + f[3] + "\n")
			if strings.Contains(f[2], runFrame) {
				break
			}
		}
		return out.String()
	}
	return ""
}

// pauses reads how long the world was stopped so far, for collections and for
// everything else. The runtime tells it as histograms, so the sum is that of
// the buckets' middles.
type pauses struct{ samples []metrics.Sample }

func newPauses() *pauses {
	return &pauses{samples: []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/sched/pauses/total/other:seconds"}}}
}

func (p *pauses) totalNs() int64 {
	metrics.Read(p.samples)
	sum := 0.0
	for i := range p.samples {
		if p.samples[i].Value.Kind() != metrics.KindFloat64Histogram {
			continue // this version of Go does not know it
		}
		h := p.samples[i].Value.Float64Histogram()
		for k, n := range h.Counts {
			if n == 0 {
				continue
			}
			lo, hi := h.Buckets[k], h.Buckets[k+1]
			if math.IsInf(lo, -1) {
				lo = 0
			}
			if math.IsInf(hi, 1) {
				hi = lo
			}
			sum += float64(n) * (lo + hi) / 2
		}
	}
	return int64(sum * 1e9)
}
