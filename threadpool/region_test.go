package threadpool

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/iobuf"
)

// TestRegionBound has many connections begin requests of which a thread's memory
// holds four, while nothing else is out. The others wait until those are served;
// then all are, and all memory comes home.
func TestRegionBound(t *testing.T) {
	for _, set := range [][]string{nil, {"inflight", "4"}, {"durability", "memory"}, {"durability", "power", "disk", "direct"}} {
		cfg := config(t, append([]string{"memory", "arena", "num.network.threads", "1"}, set...)...)
		cfg.MemoryBytes = minRegionBytes
		b, _ := start(t, cfg)
		createTopic(t, client(t, b), "load", 16)
		p := b.processors[0]
		stats := func() arena.Stats {
			st, _ := p.region.arena.Scrape(time.Second, p.nudge)
			return st
		}
		until := func(what string, ok func(arena.Stats) bool) {
			t.Helper()
			for deadline := time.Now().Add(10 * time.Second); !ok(stats()); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%v: %s: %+v", set, what, stats())
				}
			}
		}
		const conns = 12
		var clients [conns]*net.TCPConn
		var frames [conns][]byte
		for i := range clients {
			clients[i], frames[i] = dial(t, b), produceFrame("load", int32(i), 900)
			write(t, clients[i], frames[i][:40000])
		}
		until("memory does not run out", func(st arena.Stats) bool { return st.Failures > 0 && p.region.starved.Load() == conns-4 })
		for i := range clients {
			go clients[i].Write(frames[i][40000:])
		}
		for i := range clients {
			read(t, clients[i])
		}
		// What requests keep for their next response is all that stays out.
		until("memory does not come home", func(st arena.Stats) bool {
			return st.PurposeBytes[arena.Receive] == 0 && st.UsedBytes < 256<<10
		})
		if p.region.asides.Load() == 0 {
			t.Errorf("%v: who waited kept the beginning of its request", set)
		}
	}
}

// TestRegionTooSmall: a request that the memory can never hold closes its
// connection; others are served. Memory for too many threads is an error.
func TestRegionTooSmall(t *testing.T) {
	cfg := config(t, "memory", "arena", "num.network.threads", "1", "message.max.bytes", "50000000")
	cfg.MemoryBytes = minRegionBytes
	b, _ := start(t, cfg)
	createTopic(t, client(t, b), "load", 1)
	c := dial(t, b)
	write(t, c, produceFrame("load", 0, 5000)[:64])
	closed(t, c)
	c = dial(t, b)
	write(t, c, produceFrame("load", 0, 2000))
	if _, body := read(t, c); len(body) == 0 {
		t.Error("no answer")
	}
	// One that takes all of the memory has to wait for what the one before keeps.
	write(t, c, produceFrame("load", 0, 3000))
	if _, body := read(t, c); len(body) == 0 {
		t.Error("no answer")
	}
	cfg = config(t, "memory", "arena")
	cfg.MemoryBytes = minRegionBytes
	again, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Start(); err == nil || !strings.Contains(err.Error(), "memory=arena") {
		t.Errorf("start: got %v, want an error that names memory=arena", err)
	}
}

// TestRegionFrees: buffers that other threads let go of come back and are told.
func TestRegionFrees(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	woken := 0
	r, err := newRegion(arena.Options{Bytes: minRegionBytes}, func() { woken++ })
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	r.arena.Touch()
	var out []*iobuf.Buf
	for b := r.Alloc(1 << 20); b != nil; b = r.Alloc(1 << 20) {
		out = append(out, b)
	}
	if len(out) != 4 || r.spare(4096) != nil || r.small(512) != nil {
		t.Fatalf("%d buffers of 1 MiB out of %d bytes, want 4 and nothing left", len(out), minRegionBytes)
	}
	before := r.returned()
	out[0].Release(r)
	if woken != 0 || r.returned() == before {
		t.Error("a free of the owner's: it wakes nobody, and shows")
	}
	r.wait(1)
	done := make(chan bool)
	go func() { out[1].Release(nil); close(done) }()
	<-done
	if woken != 1 {
		t.Errorf("a foreign free woke %d times, want once", woken)
	}
	r.round()
	for _, b := range out[2:] {
		b.Release(r)
	}
	frame := r.small(smallBytes)
	own, moved := r.tighten(frame, frame.B[100:200])
	if own == frame || len(own.B) != 512 || len(moved) != 100 {
		t.Errorf("a frame of 100 bytes moved to a buffer of %d", len(own.B))
	}
	own.Release(r)
	if st := r.arena.Stats(); st.UsedBytes != 0 || r.largest() != 4<<20 {
		t.Errorf("%d bytes used, largest %d", st.UsedBytes, r.largest())
	}
}

// TestRegionInPieces: when the memory was full of small requests once and all of
// them have come back, the largest there may be finds room again, though each of
// them keeps memory for its next response.
func TestRegionInPieces(t *testing.T) {
	cfg := config(t, "memory", "arena", "num.network.threads", "1")
	cfg.MemoryBytes = minRegionBytes
	p := byHand(t, cfg)
	c, peer := connect(t, p)
	defer unix.Close(peer)
	var bufs []*iobuf.Buf
	var requests []*request
	for b := p.mem.small(smallBytes); b != nil; b = p.mem.small(smallBytes) {
		bufs, requests = append(bufs, b), append(requests, p.take())
		p.inflight.Add(1)
	}
	for i := range bufs {
		bufs[i].Release(p.mem)
		p.recycle(requests[i])
	}
	if p.mem.Alloc(1<<20) != nil {
		t.Fatal("nothing lies in the way, so the test shows nothing")
	}
	p.starve(c, true)
	p.region.round()
	b := p.mem.Alloc(p.region.largest())
	if b == nil {
		t.Fatalf("no buffer of %d bytes, and nobody has any memory: %+v", p.region.largest(), p.region.arena.Stats())
	}
	b.Release(p.mem)
	if r := p.take(); r.room == nil {
		t.Error("a request has no memory of the thread's any more")
	} else {
		p.inflight.Add(1)
		p.recycle(r)
	}
	p.close(c)
}
