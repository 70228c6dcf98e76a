package tpc

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/disk"
)

// TestStopAnswersConsumers stops a broker in which consumers wait: they get an
// answer, not a reset.
func TestStopAnswersConsumers(t *testing.T) {
	b := start(t, t.TempDir())
	r := dial(t, b)
	topicWith(t, r, "t", 4)
	var consumers []*raw
	req := fetchRequest("t", forever, 1, 1000, want{0, 0, 1000}, want{1, 0, 1000}, want{2, 0, 1000}, want{3, 0, 1000})
	for range 6 {
		c := dial(t, b)
		c.write(c.frame(req))
		consumers = append(consumers, c)
	}
	for i := range b.shards {
		until(t, b, i, "consumers wait", func(s *shard) bool {
			n := 0
			for _, p := range s.parts {
				for w := p.fetchWaits; w != nil; w = w.next {
					n++
				}
			}
			return n == 12
		})
	}
	stop(t, b)
	for _, c := range consumers {
		if _, err := c.read(req, c.corr); err != nil {
			t.Error(err)
		}
	}
}

// TestStopUnderLoad stops a broker while producers write and consumers read as
// fast as they can. Everything acknowledged is there afterwards, at every
// durability, because the stop was clean.
func TestStopUnderLoad(t *testing.T) {
	for _, durability := range []string{"memory", "process", "power"} {
		for _, backend := range []string{"uring", "epoll"} {
			t.Run(durability+"/"+backend, func(t *testing.T) {
				rng := seeded(t)
				dir := t.TempDir()
				set := []string{"durability", durability, "network", backend, "log.segment.bytes", "500000"}
				b := launch(t, small(configure(t, dir, set...)))
				topicWith(t, dial(t, b), "t", 4)
				var sent shadow
				var clients sync.WaitGroup
				for p := range int32(4) {
					r, rng := dial(t, b), rand.New(rand.NewPCG(rng.Uint64(), 5))
					clients.Go(func() {
						for {
							if code, err := sent.add(r, "t", p, randomBatch(rng, 1+rng.IntN(60_000))); err != nil {
								return
							} else if code != 0 && code != codeExhausted {
								t.Errorf("code %d", code)
							}
						}
					})
					c := dial(t, b)
					clients.Go(func() {
						for next := int64(0); ; {
							got, err := c.fetch(fetchRequest("t", 100, 1, 1<<20, want{p, next, 1 << 20}))
							if err != nil {
								return
							}
							if next, err = sent.check(p, next, got[0].RecordBatches); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				for p := int32(0); p < 4; p++ {
					for sent.end(p) < 20 {
						time.Sleep(time.Millisecond)
					}
				}
				stop(t, b)
				clients.Wait()
				checkLogs(t, b)
				b = start(t, dir, set...)
				sent.verify(t, b, "t", 1<<20)
				stop(t, b)
			})
		}
	}
}

// taken is what a process holds that a broker must give back.
type taken struct{ files, goroutines int }

func look(t testing.TB) (n taken) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n.files, n.goroutines = len(fds), runtime.NumGoroutine()
	return n
}

// settled waits until no more is held than before.
func settled(t testing.TB, before taken) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		now := look(t)
		if now.files <= before.files && now.goroutines <= before.goroutines {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, before it was %+v", now, before)
		}
	}
}

// TestFailedStartLeavesNothing makes Start fail at every stage. Nothing is left
// behind: the same directory and port serve the next broker.
func TestFailedStartLeavesNothing(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	b := start(t, dir)
	r := dial(t, b)
	topicWith(t, r, "t", 3)
	var sent shadow
	sent.mustAdd(t, r, "t", 0, randomBatch(rng, 1000))
	addr := b.Addr()
	r.c.Close()
	stop(t, b)

	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	release, err := disk.LockDir(dir + "/logs")
	if err != nil {
		t.Fatal(err)
	}
	breaks := map[string]func(*Broker){
		"listen":  func(b *Broker) { b.cfg.Listen = busy.Addr().String() },
		"memory":  func(b *Broker) { b.cfg.MemoryBytes = 1 << 20 },
		"cpu":     func(b *Broker) { b.cfg.CPUs = []int{-1, 1 << 14} },
		"segment": func(b *Broker) { b.fs = &refusingFS{FS: disk.OS, from: 2} },
	}
	before := look(t)
	tryFail := func(name string, breakIt func(*Broker)) {
		b := configure(t, dir)
		b.cfg.Listen = addr
		breakIt(b)
		if err := b.Start(); err == nil {
			t.Errorf("%s: Start succeeded", name)
			stop(t, b)
		} else {
			t.Logf("%s: %v", name, err)
		}
		for _, err := range b.leaked {
			t.Errorf("%s: %v", name, err)
		}
		settled(t, before)
	}
	tryFail("lock", func(*Broker) {})
	release()
	before = look(t)
	for name, breakIt := range breaks {
		tryFail(name, breakIt)
	}
	b = configure(t, dir)
	b.cfg.Listen = addr
	launch(t, b)
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
	settled(t, before)
}

// refusingFS fails to open files from a number on.
type refusingFS struct {
	disk.FS
	from int
}

func (fs *refusingFS) Open(path string, flag int) (disk.File, error) {
	if fs.from--; fs.from < 0 {
		return nil, errInjected
	}
	return fs.FS.Open(path, flag)
}

// TestStopTwiceAndLate stops a broker that has no time, and one that has stopped.
func TestStopTwiceAndLate(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	b := start(t, dir)
	r := dial(t, b)
	topicWith(t, r, "t", 2)
	var sent shadow
	sent.mustAdd(t, r, "t", 0, randomBatch(rng, 1000))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.Stop(over) // may or may not have been in time
	_ = b.Stop(context.Background())
	b = start(t, dir)
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
}
