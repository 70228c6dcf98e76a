package selftest

import (
	"fmt"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/figure"
)

// binNs is the width of the figure's bins.
const binNs = int64(5 * time.Millisecond)

// Figures draws each model's stalls as the open loop's response times show them
// and as a closed loop does not.
func (r *Report) Figures() []*figure.Figure {
	var arms []figure.Arm
	for _, v := range r.Views {
		arms = append(arms, figure.Arm{Name: v.Model, Model: v.Model})
	}
	pal := figure.NewPalette(arms)
	var out []*figure.Figure
	for _, v := range r.Views {
		out = append(out, figure.Stall(figure.Figure{
			Name:  "stall-" + v.Model,
			Title: fmt.Sprintf("%s stood still %s for %v: both loops beside the same stalls", v.Model, times(len(v.Stalls.LengthsNs)), round(v.Stalls.longest())),
			Caption: "Of the requests that fell due in a stall each is late by what is left of it. " +
				"The closed loop sends the next request when the last one is answered, so one request is late and its p99 knows nothing.",
			Footer: fmt.Sprintf("host class %s · driver %s · open loop %.0f requests/s, %d due · closed loop one connection, one request in flight, %s answered",
				r.Host, r.Driver, v.Stalls.PerSec, v.Open.TotalCount(), figure.Count(float64(v.Closed.TotalCount()))),
		}, pal, float64(binNs), float64(v.Stalls.longest()), []figure.StallView{
			{
				Title: "response time of the open loop, from the moment due", Arm: v.Model, Bins: bins(v.Open, v.Stalls.longest()),
				Expected: v.Stalls.PerSec * float64(binNs) / 1e9 * float64(len(v.Stalls.LengthsNs)),
			},
			{Title: "what the closed loop measures, from the send", Arm: v.Model, Bins: bins(v.Closed, v.Stalls.longest())},
		}))
	}
	return out
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// bins counts h in bins up to half as much again as the stall; what is later is
// in the last one.
func bins(h *hdr.Histogram, stallNs int64) []int64 {
	out := make([]int64, stallNs*3/2/binNs+1)
	for _, b := range h.Distribution() {
		out[min(b.From/binNs, int64(len(out)-1))] += b.Count
	}
	return out
}
