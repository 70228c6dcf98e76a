package certify

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models/telemetry"
)

// bare is how late a thread is that does nothing but look at the clock until each
// of a process of moments at equal steps, on a CPU of the generator's, while the
// broker's CPUs are busy with nothing: what the machine takes from whoever is there,
// so that no generator can be more punctual. Hypervisors take more, and tell less of
// it, when all CPUs are busy.
func bare(place *host.Placement, perSec float64, span time.Duration) (*hdr.Histogram, error) {
	late := hdr.New(1, int64(time.Minute), 3)
	var over atomic.Bool
	spins := []func(){func() {
		defer over.Store(true)
		lateness(telemetry.Now, int64(1e9/perSec), int64(span), late)
	}}
	cpus := place.Generator[:min(1, len(place.Generator))]
	if len(cpus) > 0 {
		for _, cpu := range place.Broker {
			if cpu != cpus[0] {
				cpus = append(cpus[:len(cpus):len(cpus)], cpu)
				spins = append(spins, func() {
					for !over.Load() {
					}
				})
			}
		}
	}
	// Each spins without ever giving its P up, and one more is for everybody else.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(len(spins)+1, runtime.GOMAXPROCS(0))))
	done := make(chan error)
	for i, spin := range spins {
		go func() {
			// Never unlocked: the thread dies with its binding.
			runtime.LockOSThread()
			if len(cpus) > 0 {
				if err := host.SetAffinity(cpus[i : i+1]); err != nil {
					over.Store(true)
					done <- err
					return
				}
			}
			spin()
			done <- nil
		}()
	}
	var errs []error
	for range spins {
		errs = append(errs, <-done)
	}
	return late, errors.Join(errs...)
}

// lateness records when a loop notices each moment, ns after it. Moments that
// passed while the loop was kept from looking were all noticed at its next look.
func lateness(now func() int64, stepNs, spanNs int64, late *hdr.Histogram) {
	due := now() + stepNs
	for end := due + spanNs; due < end; {
		at := now()
		for ; due <= at && due < end; due += stepNs {
			_ = late.RecordValue(max(at-due, 1)) // a minute holds it
		}
	}
}

// shareAbove is the share of a histogram's values above ns.
func shareAbove(h *hdr.Histogram, ns int64) float64 {
	if h.TotalCount() == 0 {
		return 0
	}
	above := int64(0)
	for _, b := range h.Distribution() {
		if b.From > ns {
			above += b.Count
		}
	}
	return float64(above) / float64(h.TotalCount())
}
