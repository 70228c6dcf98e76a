package load

import (
	"math"
	"slices"
	"testing"

	"github.com/ceteris/ceteris/workloads"
)

// TestRouteKeepsItsLaw: where a partition's requests can go on some connections only,
// these get as much of them as the law of connections says, and none is left idle.
func TestRouteKeepsItsLaw(t *testing.T) {
	zipf := workloads.Law{Kind: workloads.Zipf, Zipf: 1}
	turns, drawn := workloads.Law{Kind: workloads.RoundRobin}, workloads.Law{Kind: workloads.Uniform}
	for _, c := range []struct {
		name              string
		parts, conns      int
		leaders           int
		layout            string
		keys, connections workloads.Law
		share             []float64 // of each connection of a group, the busiest first
	}{
		{"aligned, in turn", 4, 8, 1, workloads.Aligned, turns, turns, []float64{0.5, 0.5}},
		{"leaders, in turn", 4, 8, 4, workloads.Mixed, turns, turns, []float64{0.5, 0.5}},
		{"two leaders, in turn", 4, 8, 2, workloads.Mixed, turns, turns, []float64{0.25, 0.25, 0.25, 0.25}},
		{"drawn keys, in turn", 4, 8, 1, workloads.Aligned, drawn, turns, []float64{0.5, 0.5}},
		{"aligned, drawn", 2, 6, 1, workloads.Aligned, drawn, drawn, []float64{1. / 3, 1. / 3, 1. / 3}},
		{"aligned, drawn, uneven groups", 2, 5, 1, workloads.Aligned, drawn, drawn, nil},
		{"aligned, Zipf", 2, 6, 1, workloads.Aligned, drawn, zipf, []float64{6. / 11, 3. / 11, 2. / 11}},
		{"all, Zipf", 2, 3, 1, workloads.Mixed, drawn, zipf, []float64{6. / 11, 3. / 11, 2. / 11}},
	} {
		w := testWorkload()
		w.Partitions, w.Connections, w.Layout, w.Keys, w.Connection = c.parts, c.conns, c.layout, c.keys, c.connections
		cl := &cluster{topics: []string{"t"}, addrs: make([]string, c.leaders), leader: make([]int, c.parts)}
		for p := range cl.leader {
			cl.leader[p] = p % c.leaders
		}
		r := &run{o: &Options{W: w}, cl: cl}
		if err := r.spread(); err != nil {
			t.Fatal(err)
		}
		g, err := workloads.NewGenerator(w, 5, 1000)
		if err != nil {
			t.Fatal(err)
		}
		const n = 60_000
		got := make([][]float64, c.parts)
		for p := range got {
			got[p] = make([]float64, len(r.nodeOf))
		}
		of := make([]float64, c.parts)
		for i := range int64(n) {
			p, conn := r.route(g, i)
			got[p][conn]++
			of[p]++
		}
		for p, counts := range got {
			var shares []float64
			for conn, x := range counts {
				if in := slices.Contains(r.connsFor[p], conn); in {
					shares = append(shares, x/of[p])
				} else if x > 0 {
					t.Errorf("%s: partition %d on connection %d", c.name, p, conn)
				}
			}
			slices.SortFunc(shares, func(a, b float64) int { return int(math.Copysign(1, b-a)) })
			for k, x := range shares {
				want := 1 / float64(len(shares))
				if c.share != nil {
					want = c.share[k]
				}
				if sigma := math.Sqrt(want * (1 - want) / of[p]); math.Abs(x-want) > 5*sigma {
					t.Errorf("%s: partition %d: shares %.3f, want %.3f at %d", c.name, p, shares, want, k)
					break
				}
			}
		}
	}
}
