package busywork

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"github.com/ceteris/ceteris/models"
)

// The settings, which models lists.
const (
	meanKey = "service.time.ns"
	lawKey  = "service.time.law"
	seedKey = "service.time.seed"
)

// Work is the service time that a broker adds to its own.
type Work struct {
	law    Law
	seed   uint64
	meanNs atomic.Int64 // 0: none; see [Work.ServeHTTP]
	cpuNow func() int64 // CPU time of the calling thread, ns
}

// New reads the settings.
func New(cfg *models.Config) *Work {
	w := &Work{law: Law(cfg.Int(lawKey)), seed: uint64(cfg.Int(seedKey)), cpuNow: threadNow}
	w.meanNs.Store(cfg.Int(meanKey))
	return w
}

// Stream is one thread's services. The i-th of a thread is a pure function of
// seed, thread and i.
type Stream struct {
	work  *Work
	draws rand.PCG
	state uint64
}

// Stream is the stream of a thread that has a number.
func (w *Work) Stream(thread int) *Stream {
	return &Stream{work: w, draws: *rand.NewPCG(w.seed, uint64(thread)), state: 1}
}

// Do serves one part of a request. It allocates nothing; where there is nothing
// to do it costs a load.
func (s *Stream) Do() {
	if s == nil {
		return
	}
	if mean := s.work.meanNs.Load(); mean > 0 {
		s.serve(int64(s.next(float64(mean))))
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
func (s *Stream) next(mean float64) float64 {
	if s.work.law == Fixed {
		return mean
	}
	return mean * s.work.law.Time(float64(s.draws.Uint64()>>11)/(1<<53))
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
