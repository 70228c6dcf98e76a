package tpc

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models"
)

// ways are the ways in which connections reach the shards.
var ways = map[string][]string{
	"handoff":   {"accept", "handoff"},
	"reuseport": {"accept", "reuseport"},
	"direct":    {"routing", "direct"},
}

func dialTo(t testing.TB, addr string) *raw {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &raw{t: t, c: c}
}

// TestConnectionLimit connects more clients than may be connected. Those above
// the limit are neither answered nor hung up on, and each is answered in its
// turn when another has gone; the limit is the whole broker's.
func TestConnectionLimit(t *testing.T) {
	const limit, more = 4, 5
	for name, way := range ways {
		for _, backend := range []string{"uring", "epoll"} {
			t.Run(name+"/"+backend, func(t *testing.T) {
				b := start(t, t.TempDir(), append(way, "network", backend, "max.connections", strconv.Itoa(limit))...)
				var all []*raw
				for i := range limit + more {
					r := dialTo(t, b.addrs[i%len(b.addrs)])
					r.write(r.frame(metadataRequest()))
					all = append(all, r)
				}
				answered := make(chan *raw, len(all))
				for _, r := range all {
					go func() {
						if _, err := r.read(metadataRequest(), r.corr); err == nil {
							answered <- r
						}
						// It was not forgotten. The last one may meet the broker's end.
						if _, err := r.ask(metadataRequest()); err == nil {
							answered <- r
						}
					}()
				}
				twice := map[*raw]int{}
				for done := 0; done < limit+more-1; {
					if n := b.open.Load(); n > limit {
						t.Fatalf("%d connections, limit %d", n, limit)
					}
					select {
					case r := <-answered:
						if twice[r]++; twice[r] == 2 {
							r.c.Close()
							done++
						}
					case <-time.After(patience):
						t.Fatalf("%d of %d clients had their turn", done, len(all))
					}
				}
				pauses := uint64(0)
				for _, s := range b.shards {
					pauses += s.crowds.Load()
				}
				if pauses == 0 {
					t.Errorf("no listener was ever paused with %d clients above the limit", more)
				}
				stop(t, b)
			})
		}
	}
}

// TestStopFull stops a broker while clients wait for a place: they are hung up
// on, and nobody is left behind.
func TestStopFull(t *testing.T) {
	b := start(t, t.TempDir(), "max.connections", "1")
	in, waits := dial(t, b), dial(t, b)
	if _, err := in.ask(metadataRequest()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); b.shards[0].crowds.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the second connection was never made to wait")
		}
	}
	stop(t, b)
	waits.closed()
}

// TestReuseport spreads connections over listeners of one port that the kernel
// chose, and leaves the port free.
func TestReuseport(t *testing.T) {
	b := configure(t, t.TempDir(), "accept", "reuseport")
	b.cfg.CPUs = []int{-1, -1, -1}
	launch(t, b)
	if len(b.listeners) != 3 || len(b.addrs) != 1 {
		t.Fatalf("%d listeners at %v, want 3 at one address", len(b.listeners), b.addrs)
	}
	const clients = 100
	for range clients {
		r := dial(t, b)
		if _, err := r.ask(metadataRequest()); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range b.shards { // that a shard gets none of a hundred has odds of 10^-17
		if n := s.connCount.Load(); n == 0 || n == clients {
			t.Errorf("shard %d has %d of %d connections", i, n, clients)
		}
	}
	addr := b.Addr()
	again := onAddr(t, addr, "accept", "reuseport")
	if err := again.Start(); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("a second broker on %s: %v, want the port refused", addr, err)
	}
	stop(t, b)
	stop(t, launch(t, onAddr(t, addr, "accept", "reuseport")))
}

// onAddr is a broker for an address.
func onAddr(t *testing.T, addr string, set ...string) *Broker {
	t.Helper()
	b := configure(t, t.TempDir(), set...)
	b.cfg.Listen = addr
	return b
}

// twoPorts finds a free port and the next, which it holds. They lie below those
// that the kernel gives to anybody.
func twoPorts(t *testing.T) (first string, next net.Listener) {
	t.Helper()
	for p := 12000 + os.Getpid()%2000*4; p < 32000; p += 4 {
		first = "127.0.0.1:" + strconv.Itoa(p)
		l, err := net.Listen("tcp", first)
		if err != nil {
			continue
		}
		l.Close()
		if next, err = net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p+1)); err == nil {
			t.Cleanup(func() { next.Close() })
			return first, next
		}
	}
	t.Fatal("no two ports in a row are free")
	return "", nil
}

// TestDirectPorts gives shard i the i-th port from the one asked for, names the
// one that is taken, and leaves no listener behind then.
func TestDirectPorts(t *testing.T) {
	first, hole := twoPorts(t)
	b := onAddr(t, first, "routing", "direct")
	if err := b.Start(); err == nil || !strings.Contains(err.Error(), hole.Addr().String()) {
		t.Fatalf("start with the second port taken: %v, want %s named", err, hole.Addr())
	}
	if l, err := net.Listen("tcp", first); err != nil {
		t.Errorf("after a refused start: %v", err)
	} else {
		l.Close()
	}
	hole.Close()
	b = launch(t, onAddr(t, first, "routing", "direct"))
	if want := first + "," + hole.Addr().String(); b.Facts()["listeners"] != want {
		t.Errorf("listeners %s, want %s", b.Facts()["listeners"], want)
	}
	stop(t, b)
}

// TestAcceptRefused names factors that contradict each other.
func TestAcceptRefused(t *testing.T) {
	m, err := models.Lookup("tpc")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set  []string
		node int32
		want string
	}{
		{[]string{"accept", "n/a"}, 1, "accept=n/a"},
		{[]string{"routing", "n/a"}, 1, "routing=n/a"},
		{[]string{"routing", "direct", "accept", "reuseport"}, 1, "accept=reuseport needs routing=forward"},
		{[]string{"routing", "direct"}, 1000, "id 1000"},
	} {
		cfg := models.DefaultConfig(m)
		cfg.DataDir, cfg.NodeID = t.TempDir(), c.node
		for i := 0; i < len(c.set); i += 2 {
			if err := cfg.Set(c.set[i], c.set[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.New(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v with node %d: %v, want %q", c.set, c.node, err, c.want)
		}
	}
}
