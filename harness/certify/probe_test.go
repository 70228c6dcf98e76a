package certify

import (
	"encoding/binary"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"
)

// answering is a broker that answers every frame with its correlation id, or
// with another one.
func answering(t *testing.T, wrong bool) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for {
			frame := make([]byte, 4)
			if _, err := io.ReadFull(c, frame); err != nil {
				return
			}
			body := make([]byte, binary.BigEndian.Uint32(frame))
			if _, err := io.ReadFull(c, body); err != nil {
				return
			}
			id := binary.BigEndian.Uint32(body[4:])
			if wrong {
				id++
			}
			if _, err := c.Write(binary.BigEndian.AppendUint32([]byte{0, 0, 0, 4}, id)); err != nil {
				return
			}
		}
	}()
	return l.Addr().String()
}

func TestRoundTrips(t *testing.T) {
	h, err := roundTrips(answering(t, false), nil, time.Now().Add(30*time.Millisecond))
	if err != nil || h.TotalCount() < 1 || h.Min() <= 0 {
		t.Errorf("%v, %v: want some round trips that took time", h, err)
	}
	if _, err := roundTrips(answering(t, true), nil, time.Now().Add(time.Second)); err == nil || !strings.Contains(err.Error(), "expected 0") {
		t.Errorf("a wrong answer: %v", err)
	}
}

func TestFactor(t *testing.T) {
	for _, c := range []struct{ a, b, want float64 }{{1, 2, 2}, {2, 1, 2}, {3, 3, 1}, {0, 1, math.Inf(1)}} {
		if got := factor(c.a, c.b); got != c.want {
			t.Errorf("factor(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
