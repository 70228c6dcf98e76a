package tpc

import (
	"fmt"
	"slices"
)

// maxWaves is how many waves of device writes a shard has under way.
const maxWaves = 2

// waves makes device writes of different partitions go out together. What the
// device costs a shard is paid by the submission as much as by the write: one
// system call, one notification of the device, one interrupt. And the longer a
// partition waits for its turn, the more requests its write carries. So all
// writes of one round are a wave, and the next one starts when at most one is
// under way. Two, so that a wave that is slow keeps nobody from the device, and
// a shard with little to write never waits.
type waves struct {
	out  [maxWaves]int // writes in flight, by wave
	next int           // the wave that this round's writes belong to
}

// begin starts a wave. False: as many as may be are under way.
func (w *waves) begin() bool {
	for i, n := range w.out {
		if n == 0 {
			w.next = i
			return true
		}
	}
	return false
}

// join adds a write to the wave that has begun and says which that is.
func (w *waves) join() int {
	w.out[w.next]++
	return w.next
}

// leave takes a write out that is over.
func (w *waves) leave(wave int) {
	if w.out[wave]--; w.out[wave] < 0 {
		panic(fmt.Sprintf("tpc: wave %d of device writes has %d in flight", wave, w.out[wave]))
	}
}

// free reports whether a wave may begin.
func (w *waves) free() bool { return slices.Contains(w.out[:], 0) }

// launch starts the writes of partitions that have something to write, and what
// else their files need, in the order in which they became dirty, and not of so
// many that it takes long. They wait while enough is under way; the completion
// that ends a wave is followed by a flush.
func (s *shard) launch() {
	if len(s.dirtyParts) == 0 || !s.waves.begin() {
		return
	}
	n := min(len(s.dirtyParts), s.most.wave)
	for _, p := range s.dirtyParts[:n] {
		p.inDirty = false
		p.app.kick()
	}
	left := copy(s.dirtyParts, s.dirtyParts[n:])
	clear(s.dirtyParts[left:])
	s.dirtyParts = s.dirtyParts[:left]
}
