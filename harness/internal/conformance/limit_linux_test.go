package conformance

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/modeltest"
)

// TestConnectionLimit has more clients than max.connections: those above it are
// connected, as far as they can tell, and wait. None is hung up on, and each is
// served when another goes.
func TestConnectionLimit(t *testing.T) {
	const limit, more = 3, 3
	versions := modeltest.Frame(kmsg.NewPtrApiVersionsRequest(), 0, 1)
	for _, p := range []modeltest.Point{
		{Model: "threadpool"},
		{Model: "threadpool", Set: []string{"threads", "goroutine"}},
		{Model: "tpc", Shards: 2},
		{Model: "tpc", Shards: 2, Set: []string{"network", "epoll", "accept", "reuseport"}},
		{Model: "tpc", Shards: 2, Set: []string{"routing", "direct"}},
	} {
		t.Run(p.String(), func(t *testing.T) {
			b, stop := p.With("max.connections", "3").Start(t, t.TempDir(), "127.0.0.1:0")
			var in, waiting []net.Conn
			dial := func() net.Conn {
				c, err := net.Dial("tcp", b.Addr())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}
			for range limit {
				in = append(in, dial())
				talk(t, in[len(in)-1], versions)
			}
			for range more {
				c := dial()
				if _, err := c.Write(versions); err != nil {
					t.Fatal(err)
				}
				waiting = append(waiting, c)
			}
			silent(t, waiting)
			for len(waiting) > 0 {
				in[0].Close()
				in = in[1:]
				at := served(t, waiting)
				in = append(in, waiting[at])
				waiting = append(waiting[:at:at], waiting[at+1:]...)
				silent(t, waiting)
			}
			for _, c := range in {
				talk(t, c, versions)
			}
			stop()
		})
	}
}

// silent fails the test when somebody who waits hears anything.
func silent(t *testing.T, waiting []net.Conn) {
	t.Helper()
	for i, c := range waiting {
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		if n, err := c.Read(b[:]); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("client %d above the limit: %d bytes, %v, want silence", i, n, err)
		}
	}
}

// served waits until one of those who wait is answered, whichever the broker
// took.
func served(t *testing.T, waiting []net.Conn) int {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		for i, c := range waiting {
			if err := c.SetReadDeadline(time.Now().Add(5 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			var b [1]byte
			n, err := c.Read(b[:])
			if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
				continue
			}
			if err != nil {
				t.Fatalf("client %d, which waited: %v", i, err)
			}
			if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			rest := make([]byte, 4096)
			if _, err := c.Read(rest); err != nil {
				t.Fatal(err)
			}
			return i
		}
	}
	t.Fatal("nobody was served after a client had gone")
	return 0
}
