package threadpool

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/uring"
)

// TestRing plays what clients do to sockets over a ring, and over a ring with
// memory and files of the pool's own: the same has to come out.
func TestRing(t *testing.T) {
	if _, err := uring.Probe(); err != nil {
		t.Skip("no io_uring here: ", err)
	}
	for _, set := range [][]string{{"network", "uring"}, {"network", "uring", "memory", "arena", "disk", "direct", "threads", "pinned"}} {
		t.Run(strings.Join(set, " "), func(t *testing.T) {
			also = set
			defer func() { also = nil }()
			for name, test := range map[string]func(*testing.T){
				"malformed": TestMalformed, "versions": TestUnknownAPIVersions, "pieces": TestPieces, "acks": TestAcks,
				"slow reader": TestSlowReader, "long poll": TestLongPoll, "idle": TestIdleConnections, "most": TestMaxConnections,
				"topics": TestTopics, "stop without clients' help": TestStopGivesUp,
			} {
				t.Run(name, test)
			}
		})
	}
}

// TestNetworkChosen: what was asked for is there or the start fails; auto takes
// a ring where there is one, and both are told.
func TestNetworkChosen(t *testing.T) {
	_, none := uring.Probe()
	for _, network := range []string{"auto", "epoll", "uring"} {
		if network == "uring" && none != nil {
			continue
		}
		b, stop := start(t, config(t, "network", network))
		want := "io_uring"
		if network == "epoll" || none != nil {
			want = "epoll"
		}
		if got := b.Facts()["network"]; !strings.HasPrefix(got, want) {
			t.Errorf("network=%s: got %q, want %s", network, got, want)
		}
		stop()
	}
	if _, err := New(config(t, "network", "uring", "threads", "goroutine")); err == nil || !strings.Contains(err.Error(), "network=uring") {
		t.Errorf("a ring without a thread: %v", err)
	}
}

// ringByHand is byHand with a ring.
func ringByHand(t *testing.T) *processor {
	t.Helper()
	if _, err := uring.Probe(); err != nil {
		t.Skip("no io_uring here: ", err)
	}
	return byHand(t, config(t, "network", "uring", "num.network.threads", "1"))
}

// byHand is a processor that has no thread: the test plays it.
func byHand(t *testing.T, cfg models.Config) *processor {
	t.Helper()
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.load(); err != nil {
		t.Fatal(err)
	}
	if err := b.open(); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // the ring and the memory are this thread's
	t.Cleanup(func() {
		b.closeSockets()
		runtime.UnlockOSThread()
		if err := b.closeLogs(); err != nil {
			t.Error(err)
		}
	})
	p := b.processors[0]
	if err := p.prepare(); err != nil {
		t.Fatal(err)
	}
	return p
}

// connect gives the processor a connection and returns its other end, which
// does not block.
func connect(t *testing.T, p *processor) (c *connection, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := arrival{fd: fds[0]}
	if !p.broker.acceptor.crowd.enter(x.from) {
		t.Fatal("too many connections")
	}
	p.register(x)
	return p.newest, fds[1]
}

// TestOneSendAtATime: a ring tells of a socket as often as its poll has fired,
// which may be several times in one look. What is left of a response goes out
// once all the same.
func TestOneSendAtATime(t *testing.T) {
	p := ringByHand(t)
	c, peer := connect(t, p)
	defer unix.Close(peer)
	want := make([]byte, 4<<20)
	for i := range want {
		want[i] = byte(i >> 8) // a block sent twice is seen
	}
	r := p.take()
	p.inflight.Add(1)
	c.enqueue(r)
	r.out.AppendBytes(want)
	r.ready = true
	p.sendNext(c)
	p.transfer()
	if !c.sending {
		t.Fatal("the socket took all of it, so the test shows nothing")
	}
	var got []byte
	b := make([]byte, 64<<10)
	for rounds := 0; c.sending; rounds++ {
		if rounds > len(want) {
			t.Fatalf("%d of %d bytes have come", len(got), len(want))
		}
		n, err := unix.Read(peer, b)
		if err != nil && err != unix.EAGAIN {
			t.Fatal(err)
		}
		got = append(got, b[:max(n, 0)]...)
		p.ready(c, unix.EPOLLOUT)
		p.ready(c, unix.EPOLLOUT)
		p.transfer()
	}
	for n := 1; n > 0; got = append(got, b[:max(n, 0)]...) {
		n, _ = unix.Read(peer, b)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes have come, which are not the %d that were sent", len(got), len(want))
	}
	p.completeSends()
	p.close(c)
}

// TestEventsOfTheOneBefore: what was noted of a socket that is closed since is
// not told of the one that has its slot now.
func TestEventsOfTheOneBefore(t *testing.T) {
	p := ringByHand(t)
	c, peer := connect(t, p)
	other, its := connect(t, p)
	defer unix.Close(its)
	p.selector.glance()
	unix.Close(peer)
	for _, x := range []*connection{other, c} { // the first brings the event, the second finds the end
		x.readable = true
		p.queue(x)
		p.receiveAll()
	}
	if !c.closed {
		t.Fatal("the connection's end was not noticed")
	}
	next, peer := connect(t, p)
	defer unix.Close(peer)
	if next.slot != c.slot {
		t.Fatalf("slot %d, not %d again", next.slot, c.slot)
	}
	for _, ev := range p.selector.glance() {
		if ev.Fd == next.slot && ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0 {
			t.Errorf("the new connection is told %#x of the old one", ev.Events)
		}
	}
	p.close(next)
	p.close(other)
}
