package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// faults does to a cell's broker what the workload schedules, from a goroutine of
// its own, and keeps what came of it. The times are of the measured window.
type faults struct {
	todo []workloads.Fault
	// ownService is what the arm's own settings add to every produce part.
	ownService time.Duration
	ask        func(method, path string) ([]byte, error)

	begun bool
	stop  chan struct{}
	gone  sync.WaitGroup
	done  []result.Fault
}

// begin starts the clock: startNs is the window's start on CLOCK_MONOTONIC.
func (f *faults) begin(startNs int64, ask func(method, path string) ([]byte, error)) {
	f.ask = ask
	if len(f.todo) == 0 {
		return
	}
	start := time.Now()
	if startNs > 0 {
		start = start.Add(time.Duration(startNs - load.Monotonic()))
	}
	f.begun, f.stop = true, make(chan struct{})
	f.gone.Go(func() {
		for _, todo := range f.todo {
			select {
			case <-f.stop:
				return
			case <-time.After(todo.At - time.Since(start)):
			}
			done := result.Fault{
				AtNs: int64(todo.At), StallNs: int64(todo.Stall), SlowNs: int64(todo.Slow), ForNs: int64(todo.For), AskedNs: int64(time.Since(start)),
			}
			var err error
			if todo.Slow > 0 {
				err = f.slow(todo, start)
			} else {
				err = f.stall(todo, &done)
			}
			if err != nil {
				done.Error = err.Error()
			}
			done.AnsweredNs = int64(time.Since(start))
			f.done = append(f.done, done)
		}
	})
}

// stall has the broker stand still.
func (f *faults) stall(todo workloads.Fault, done *result.Fault) error {
	body, err := f.ask(http.MethodPost, "/inject/stall?for="+todo.Stall.String())
	if err == nil {
		err = json.Unmarshal(body, &done.Stood)
	}
	if err == nil && done.Stood.Threads == 0 {
		err = errors.New("no thread of the broker stood still")
	}
	return err
}

// slow makes requests take longer until it is over, and then what they took before.
func (f *faults) slow(todo workloads.Fault, start time.Time) error {
	by := func(d time.Duration) error {
		_, err := f.ask(http.MethodPost, "/inject/slow?by="+d.String())
		return err
	}
	if err := by(f.ownService + todo.Slow); err != nil {
		return err
	}
	select {
	case <-f.stop:
		return errors.New("the window ended before it was over")
	case <-time.After(todo.End() - time.Since(start)):
	}
	return by(f.ownService)
}

// end waits for a fault that is under way, gives up those that are not, and returns
// what was done.
func (f *faults) end() []result.Fault {
	if f.begun {
		close(f.stop)
		f.begun = false
	}
	f.gone.Wait()
	return f.done
}

// faulted: a cell is about its faults, so one that lacks any measured something else.
func (a *attempt) faulted() {
	todo := a.faults.todo
	if len(todo) == 0 {
		return
	}
	for i, done := range a.rec.Faults {
		why := done.Error
		if why == "" && done.AskedNs >= int64(a.r.e.Measure) {
			why = fmt.Sprintf("asked for at %v, when the window had ended", time.Duration(done.AskedNs))
		}
		if why != "" {
			a.gate("faults", false, false, fmt.Sprintf("fault %d at %v: %s", i+1, time.Duration(done.AtNs), why))
		}
	}
	if missed := len(todo) - len(a.rec.Faults); missed > 0 {
		a.gate("faults", false, false, fmt.Sprintf("%d of %d faults were not injected before the window ended", missed, len(todo)))
	}
	a.gate("faults", true, false, fmt.Sprintf("%d injected", len(todo)))
}
