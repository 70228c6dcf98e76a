package busywork

import (
	"math"
	"math/rand/v2"
	"runtime"

	"github.com/ceteris/ceteris/models"
)

// The settings, which models lists.
const (
	meanKey = "service.time.ns"
	lawKey  = "service.time.law"
	seedKey = "service.time.seed"
)

// law is how service times are spread.
type law int64

const (
	fixed law = iota
	exponential
	// bimodal: nine in ten take half the mean, the tenth 5.5 times the mean
	// (Prekas, Kogias and Bugnion, SOSP 2017).
	bimodal
)

// Work is what a broker was told to inject; nil is nothing.
type Work struct {
	law    law
	meanNs float64
	seed   uint64
	cpuNow func() int64 // CPU time of the calling thread, ns
}

// New reads the settings. It returns nil where there is nothing to do.
func New(cfg *models.Config) *Work {
	mean := cfg.Int(meanKey)
	if mean == 0 {
		return nil
	}
	return &Work{law: law(cfg.Int(lawKey)), meanNs: float64(mean), seed: uint64(cfg.Int(seedKey)), cpuNow: threadNow}
}

// Stream is one thread's services. The i-th of a thread is a pure function of
// seed, thread and i.
type Stream struct {
	work  *Work
	draws rand.PCG
	state uint64
}

// Stream is the stream of a thread that has a number; nil where w is.
func (w *Work) Stream(thread int) *Stream {
	if w == nil {
		return nil
	}
	return &Stream{work: w, draws: *rand.NewPCG(w.seed, uint64(thread)), state: 1}
}

// Do serves one part of a request. It allocates nothing; on nil it is free.
func (s *Stream) Do() {
	if s != nil {
		s.serve(int64(s.next()))
	}
}

// How many iterations are done between two looks at the clock: some µs of them
// while much is left, which keeps the share of system calls small.
const (
	coarse     = 1000
	fine       = 100
	fineFromNs = 5000
)

// serve works for as long. A goroutine stays on its thread meanwhile, since
// another has another account.
func (s *Stream) serve(ns int64) {
	runtime.LockOSThread()
	end := s.work.cpuNow() + ns
	for left := ns; left > 0; left = end - s.work.cpuNow() {
		n := coarse
		if left < fineFromNs {
			n = fine
		}
		s.state = spin(s.state, n)
	}
	runtime.UnlockOSThread()
}

// next is the next service time in ns.
func (s *Stream) next() float64 {
	mean := s.work.meanNs
	if s.work.law == fixed {
		return mean
	}
	u := float64(s.draws.Uint64()>>11) / (1 << 53) // in [0, 1)
	switch {
	case s.work.law == exponential:
		return -mean * math.Log1p(-u)
	case s.work.law == bimodal && u < 0.9:
		return 0.5 * mean
	}
	return 5.5 * mean
}

// spin iterates the generator of Knuth's MMIX: each step needs the last one's
// result, so that no processor does two at a time.
//
//go:noinline
func spin(x uint64, iterations int) uint64 {
	for range iterations {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}
