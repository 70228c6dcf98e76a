package reactor

import "runtime"

// Seats says on which processor each of n reactors runs, in turn if there are
// fewer processors than reactors (-1: not pinned), and whether there are. Then
// none of them may spin: it would take the processor from one that has work.
func Seats(cpus []int, n int) (seats []int, overprovisioned bool) {
	seats = make([]int, n)
	distinct := map[int]bool{}
	pinned := true
	for i := range seats {
		seats[i] = -1
		if len(cpus) > 0 {
			seats[i] = cpus[i%len(cpus)]
		}
		distinct[seats[i]] = true
		pinned = pinned && seats[i] >= 0
	}
	if !pinned {
		return seats, n > runtime.NumCPU()
	}
	return seats, n > len(distinct)
}
