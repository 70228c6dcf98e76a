package modeltest

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// dialFrom connects from an address of this machine.
func dialFrom(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", to)
	if err != nil {
		t.Fatalf("dial from %s: %v", from, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// greeted asks one thing; false when the broker has closed the connection.
func greeted(t *testing.T, c net.Conn) bool {
	t.Helper()
	_, err := c.Write(Frame(kmsg.NewPtrApiVersionsRequest(), 0, 1))
	if err == nil {
		_, err = readFrom(c)
	}
	if err == nil {
		return true
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("neither answered nor closed: %v", err)
	}
	return false
}

// LimitsAddresses: a connection too many of an address is closed at once, one of
// another address is not, and there is room again when one has gone. That is so
// over and over, whichever shards have them.
func LimitsAddresses(t *testing.T, p Point) {
	const here, there = "127.0.0.1", "127.0.0.2"
	b, stop := p.With("max.connections.per.ip", "3").Start(t, t.TempDir(), "127.0.0.1:0")
	defer stop()
	var in []net.Conn
	for range 3 {
		c := dialFrom(t, here, b.Addr())
		if !greeted(t, c) {
			t.Fatal("closed below the limit")
		}
		in = append(in, c)
	}
	for n := range 10 {
		if greeted(t, dialFrom(t, here, b.Addr())) {
			t.Fatalf("round %d: served above the limit", n)
		}
		if other := dialFrom(t, there, b.Addr()); !greeted(t, other) {
			t.Fatalf("round %d: another address was refused", n)
		} else {
			other.Close()
		}
		if got := metric(b, "connections_refused_total"); got < float64(n+1) {
			t.Errorf("round %d: %v refused", n, got)
		}
		in[0].Close()
		in = in[1:]
		for end := time.Now().Add(answerLimit); ; time.Sleep(2 * time.Millisecond) {
			if c := dialFrom(t, here, b.Addr()); greeted(t, c) {
				in = append(in, c)
				break
			}
			if time.Now().After(end) {
				t.Fatalf("round %d: no room though a connection has gone", n)
			}
		}
	}
}

// LimitsRate: ten seconds' worth of connections come in at once, the others wait
// and are not closed until the broker stops.
func LimitsRate(t *testing.T, p Point) {
	b, stop := p.With("max.connection.creation.rate", "1").Start(t, t.TempDir(), "127.0.0.1:0")
	var all []net.Conn
	for range 15 {
		all = append(all, dialFrom(t, "127.0.0.1", b.Addr()))
	}
	// The tenth is within ten seconds' worth; a pool that waits has accepted the next.
	accepted := func() float64 { return metric(b, "connections_accepted_total") }
	for end := time.Now().Add(answerLimit); accepted() < 10; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%v connections came in, want 10 at once", accepted())
		}
	}
	time.Sleep(50 * time.Millisecond) // more would be in by now
	if n := accepted(); n > 12 {
		t.Errorf("%v connections came in at once, want about 10", n)
	}
	for i, c := range all { // whoever was not let in hears nothing, not even an end
		if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		var ne net.Error
		if _, err := c.Read(make([]byte, 1)); !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("connection %d: %v, want silence", i, err)
		}
	}
	stop()
}
