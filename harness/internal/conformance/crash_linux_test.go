package conformance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/modeltest"
)

// staged acknowledges before the device has written.
var staged = []string{"staging", "shared"}

// topRung is the pool with everything of the other model but its ownership.
var topRung = []string{"inflight", "64", "memory", "arena", "disk", "direct", "network", "uring", "threads", "pinned"}

// crossings are the ways from one model to the other: who is killed, who opens
// what is left, and at which size segments roll.
var crossings = []struct {
	killed, opens modeltest.Point
	segment       string
}{
	{modeltest.Point{Model: "tpc", Shards: 2}, modeltest.Point{Model: "threadpool"}, "4096"},
	{modeltest.Point{Model: "threadpool", Set: topRung}, modeltest.Point{Model: "tpc", Shards: 2}, "65536"},
	{modeltest.Point{Model: "threadpool"}, modeltest.Point{Model: "tpc", Shards: 2}, "4096"},
	{modeltest.Point{Model: "tpc", Shards: 2, Set: staged}, modeltest.Point{Model: "threadpool"}, "4096"},
	{modeltest.Point{Model: "threadpool"}, modeltest.Point{Model: "tpc", Shards: 1, Set: staged}, "65536"},
	{modeltest.Point{Model: "tpc", Shards: 3, Set: staged}, modeltest.Point{Model: "tpc", Shards: 1}, "1073741824"},
	{modeltest.Point{Model: "tpc", Shards: 1}, modeltest.Point{Model: "threadpool", Set: []string{"threads", "goroutine"}}, "1073741824"},
	{modeltest.Point{Model: "threadpool", Set: []string{"threads", "goroutine"}}, modeltest.Point{Model: "tpc", Shards: 1}, "1073741824"},
	{modeltest.Point{Model: "tpc", Shards: 3, Set: []string{"network", "epoll"}}, modeltest.Point{Model: "tpc", Shards: 1}, "65536"},
	{modeltest.Point{Model: "tpc", Shards: 1, Set: []string{"durability", "power"}}, modeltest.Point{Model: "threadpool", Set: []string{"durability", "power"}}, "65536"},
	{modeltest.Point{Model: "threadpool", Set: []string{"durability", "power"}}, modeltest.Point{Model: "tpc", Shards: 3, Set: []string{"durability", "power"}}, "65536"},
	{modeltest.Point{Model: "tpc", Shards: 1}, modeltest.Point{Model: "threadpool", Set: topRung}, "4096"},
	{modeltest.Point{Model: "threadpool", Set: []string{"disk", "direct"}}, modeltest.Point{Model: "threadpool", Set: []string{"threads", "goroutine"}}, "1073741824"},
	{modeltest.Point{Model: "threadpool", Set: []string{"disk", "direct", "durability", "power"}}, modeltest.Point{Model: "threadpool", Set: []string{"disk", "direct", "durability", "power", "commit", "each"}}, "1073741824"},
}

// TestKill kills a broker in the middle of a load. Whichever model opens the
// directory has every batch that was acknowledged, in order and once; producers
// go on where they were, repeating what was not answered, and nothing is stored
// twice. After a clean stop the directory is sound.
func TestKill(t *testing.T) {
	for i, x := range crossings {
		if reduced && i > 2 {
			break
		}
		t.Run(fmt.Sprintf("%s to %s/segment %s", x.killed, x.opens, x.segment), func(t *testing.T) {
			kill(t, x.killed, x.opens, x.segment, uint64(time.Now().UnixNano()))
		})
	}
}

func kill(t *testing.T, killed, opens modeltest.Point, segment string, seed uint64) {
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	load := &modeltest.Load{Seed: seed, Producers: 1 + rng.IntN(4), Ahead: 1 + rng.IntN(5)}
	points := []modeltest.Point{killed, opens, killed}
	for life, p := range points {
		child := p.StartChild(t, dir, "127.0.0.1:0", 0)
		if life == 0 {
			load.Prepare(t, child.Addr, "segment.bytes", segment)
		} else {
			load.Verify(t, child.Addr)
		}
		ended := make(chan struct{})
		go func() {
			load.Run(child.Addr, 1<<62)
			close(ended)
		}()
		for until := load.Acked() + 50 + rng.Int64N(500); load.Acked() < until; {
			select {
			case <-ended:
				t.Fatalf("seed %d: life %d of %s: the load ended: %v\n%s", seed, life, p, load.Errors(), child.Stderr())
			default:
				time.Sleep(time.Millisecond)
			}
		}
		child.Kill(t)
		<-ended
	}
	// A copy is recovered and closed without a request. Not the original: the
	// snapshot of a clean stop knows a producer's last batch alone, as Kafka's
	// does, and the producers still have several to repeat.
	twin := t.TempDir()
	if err := os.CopyFS(twin, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	_, stop := opens.Start(t, twin, "127.0.0.1:0")
	stop()
	modeltest.MustCheck(t, twin)
	b, stop := killed.Start(t, dir, "127.0.0.1:0")
	load.Verify(t, b.Addr())
	load.Run(b.Addr(), load.Acked()+200)
	for i, err := range load.Errors() {
		if err != nil {
			t.Errorf("seed %d: producer %d: %v", seed, i, err)
		}
	}
	load.Verify(t, b.Addr())
	stop()
	modeltest.MustCheck(t, dir)
}
