package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// crowd runs body n times at once, on threads as a pool has them.
func crowd(t *testing.T, n int, locked bool, body func(i int)) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), n+1)))
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if locked {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
			}
			body(i)
		})
	}
	wg.Wait()
}

// TestMutex counts under the mutex from locked threads and, aside, from
// goroutines; the race detector watches.
func TestMutex(t *testing.T) {
	for _, sched := range []bool{false, true} {
		t.Run(fmt.Sprintf("sched=%v", sched), func(t *testing.T) {
			var m Mutex
			m.Go(sched)
			count := 0
			const threads, rounds = 6, 5000
			crowd(t, threads, !sched, func(i int) {
				for n := range rounds {
					switch {
					case i == 0:
						m.LockAside()
					case n%7 == 0 && m.TryLock():
					default:
						m.Lock()
					}
					count++
					m.Unlock()
				}
			})
			if count != threads*rounds {
				t.Errorf("got %d, want %d", count, threads*rounds)
			}
			if !m.TryLock() {
				t.Error("the mutex is held when nobody holds it")
			}
			if m.TryLock() {
				t.Error("the mutex was taken twice")
			}
		})
	}
}

func TestUnlockOfUnlocked(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("unlock of an unlocked mutex did not panic")
		}
	}()
	var m Mutex
	m.Unlock()
}

// TestRWMutex has readers see two fields that writers change together.
func TestRWMutex(t *testing.T) {
	for _, sched := range []bool{false, true} {
		t.Run(fmt.Sprintf("sched=%v", sched), func(t *testing.T) {
			var l RWMutex
			l.Go(sched)
			a, b := 0, 0
			crowd(t, 5, !sched, func(i int) {
				for range 2000 {
					if i == 0 {
						l.Lock()
						a++
						b++
						l.Unlock()
						continue
					}
					l.RLock()
					if a != b {
						t.Errorf("read %d and %d, which are written together", a, b)
					}
					l.RUnlock()
				}
			})
			if a != 2000 {
				t.Errorf("got %d writes, want 2000", a)
			}
		})
	}
}

// TestGate passes a token back and forth, so that a lost opening hangs.
func TestGate(t *testing.T) {
	for _, sched := range []bool{false, true} {
		t.Run(fmt.Sprintf("sched=%v", sched), func(t *testing.T) {
			var gates [2]Gate
			gates[0].Go(sched)
			gates[1].Go(sched)
			var turn [2]chan int // only tried, as state of the test
			turn[0], turn[1] = make(chan int, 1), make(chan int, 1)
			const rounds = 2000
			turn[0] <- 0
			start := time.Now()
			crowd(t, 2, !sched, func(i int) {
				for done := false; !done; {
					select {
					case n := <-turn[i]:
						if done = n >= rounds-1; n < rounds {
							turn[1-i] <- n + 1
							gates[1-i].Open()
						}
					default:
						gates[i].Wait(10_000_000_000)
					}
				}
			})
			if d := time.Since(start); d > 9*time.Second {
				t.Errorf("%d passes took %v: an opening was lost", rounds, d)
			}
		})
	}
}

// TestCollectorPassesSleepers has threads wait in futexes and epoll while the
// collector runs: a raw wait that no signal ends would stop the world for good.
func TestCollectorPassesSleepers(t *testing.T) {
	var gate Gate
	ep, err := NewEpoll(4)
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(wake)
	if err := ep.Add(wake, unix.EPOLLIN, 7); err != nil {
		t.Fatal(err)
	}
	crowd(t, 3, true, func(i int) {
		switch i {
		case 0:
			gate.Wait(60_000_000_000)
		case 1:
			for {
				if evs := ep.Wait(60_000); len(evs) == 1 && evs[0].Fd == 7 {
					Calm(wake)
					break
				}
			}
		case 2:
			for range 20 {
				runtime.GC()
			}
			gate.Open()
			Kick(wake)
		}
	})
}
