package threadpool

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// BenchmarkPoll sends a byte to one of three pollers, which hands it through
// the request queue to one of eight workers, which sends it back: the pool's
// threads and queue without a broker. The client polls on a processor and a
// scheduler slot of its own and has one byte at each poller.
//
// A goroutine that blocks in epoll_wait keeps the scheduler slot until Go's
// monitor takes it away, and the workers wait that long for it: the pool would
// be slow for Go's sake. 20000 requests, Go 1.26.8, 2 virtual processors with
// other work beside it, three runs each while that was little and while it was
// much:
//
//	                                     requests/s
//	threads=os                           60 –  79 k     53 – 57 k
//	threads=goroutine (netpoller)       178 – 206 k     45 – 55 k
//	blocking epoll_wait in goroutines     9 –  12 k     12 – 13 k   the trap
func BenchmarkPoll(b *testing.B) {
	b.Run("threads=os", func(b *testing.B) { poll(b, "os", false) })
	b.Run("threads=goroutine", func(b *testing.B) { poll(b, "goroutine", false) })
	b.Run("blocking epoll_wait in goroutines", func(b *testing.B) { poll(b, "goroutine", true) })
}

func poll(b *testing.B, mode string, blocking bool) {
	const pollers, workers = 3, 8
	f := models.PresetThreadPool()
	f.Threads, f.Spin = mode, 0
	gogo := mode == "goroutine"
	slots := 1 // beside the client's
	if !gogo {
		slots += pollers + workers
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1 + slots))
	i := newIdle(&f, 1)
	i.seat(0).awake.Store(pollers + workers)
	c := newChannel(500, i, gogo, nil)
	pool := threads{locked: !gogo}
	for range workers {
		h := &handler{broker: &Broker{}, seat: i.seat(0)}
		pool.start(func() {
			for {
				j, ok := c.take(h)
				if !ok {
					return
				}
				_, _ = kernel.Send(j.req.conn.fd, j.req.frame, false)
			}
		})
	}
	var clients [pollers]int
	var selectors [pollers]*selector
	var stopping [pollers]chan struct{}
	polling := threads{locked: !gogo}
	for n := range pollers {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			b.Fatal(err)
		}
		clients[n], stopping[n] = pair[0], make(chan struct{}, 1)
		s, err := newSelector(i, i.seat(0), gogo)
		if err == nil {
			err = s.epoll.Add(pair[1], unix.EPOLLIN|1<<31, 0)
		}
		if err != nil {
			b.Fatal(err)
		}
		selectors[n] = s
		r := &request{conn: &connection{fd: pair[1]}, frame: make([]byte, 1)}
		polling.start(func() { pollLoop(s, c, r, blocking, stopping[n]) })
		defer unix.Close(pair[0])
		defer unix.Close(pair[1])
	}
	roundTrips(b, clients[:])
	for n, s := range selectors {
		stopping[n] <- struct{}{}
		kernel.Kick(s.wake)
	}
	polling.wg.Wait()
	c.close()
	pool.wg.Wait()
	for _, s := range selectors {
		s.close()
	}
}

// pollLoop is a processor without a protocol: one byte is one request.
func pollLoop(s *selector, c *channel, r *request, blocking bool, stop chan struct{}) {
	events := make([]unix.EpollEvent, 8)
	never := func() bool { return false }
	for {
		evs := events
		if blocking {
			n, err := unix.EpollWait(s.epoll.FD, events, -1)
			if err != nil {
				continue // a signal
			}
			evs = events[:n]
		} else {
			evs = s.poll(false, false, never)
		}
		for _, ev := range evs {
			if ev.Fd == wakeToken {
				select {
				case <-stop:
					return
				default:
					continue
				}
			}
			if n, _ := kernel.Recv(r.conn.fd, r.frame); n == 1 && c.put(r, s.seat) {
				c.signal()
			}
		}
	}
}

// roundTrips is the client: it keeps a byte at every poller.
func roundTrips(b *testing.B, fds []int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var one [1]byte
	for _, fd := range fds {
		_, _ = kernel.Send(fd, one[:], false)
	}
	at := 0
	begin, n := time.Now(), 0
	for b.Loop() {
		for {
			at = (at + 1) % len(fds)
			if got, _ := kernel.Recv(fds[at], one[:]); got == 1 {
				break
			}
		}
		_, _ = kernel.Send(fds[at], one[:], false)
		n++
	}
	b.ReportMetric(float64(n)/time.Since(begin).Seconds(), "requests/s")
	for _, fd := range fds { // what is under way comes back before anything is closed
		for {
			if got, _ := kernel.Recv(fd, one[:]); got == 1 {
				break
			}
		}
	}
}
