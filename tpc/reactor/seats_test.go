package reactor

import (
	"runtime"
	"slices"
	"testing"
)

func TestSeats(t *testing.T) {
	many := runtime.NumCPU() + 1
	unpinned := slices.Repeat([]int{-1}, many)
	for _, c := range []struct {
		name string
		cpus []int
		n    int
		want []int
		over bool
	}{
		{"one each", []int{2, 5}, 2, []int{2, 5}, false},
		{"fewer shards", []int{2, 5}, 1, []int{2}, false},
		{"in turn", []int{2, 5}, 5, []int{2, 5, 2, 5, 2}, true},
		{"named twice", []int{3, 3}, 2, []int{3, 3}, true},
		{"not pinned", nil, 1, []int{-1}, false},
		{"not pinned and too many", nil, many, unpinned, true},
		{"told not to pin", []int{-1}, many, unpinned, true},
	} {
		seats, over := Seats(c.cpus, c.n)
		if !slices.Equal(seats, c.want) || over != c.over {
			t.Errorf("%s: got %v, overprovisioned %v, want %v, %v", c.name, seats, over, c.want, c.over)
		}
	}
}
