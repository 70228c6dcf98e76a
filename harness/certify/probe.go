package certify

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/probe"
)

// probeEvery is the pause between two round trips: few, so that the probe is no
// load, and as many in a certificate's window as a p99 needs, though Go's timers
// oversleep by up to 1 ms.
const probeEvery = 3 * time.Millisecond

// roundTrips sends one produce request after the other on a connection of its
// own until a moment and returns how long each answer took. Like package probe it is
// written with the standard library and kmsg and shares no line with the generator.
func roundTrips(addr string, cpus []int, until time.Time) (*hdr.Histogram, error) {
	type outcome struct {
		h   *hdr.Histogram
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		if len(cpus) > 0 {
			// Never unlocked: the thread dies with its binding.
			runtime.LockOSThread()
			if err := host.SetAffinity(cpus); err != nil {
				done <- outcome{err: err}
				return
			}
		}
		h, err := converse(addr, until)
		if err != nil {
			err = fmt.Errorf("probe: %w", err)
		}
		done <- outcome{h, err}
	}()
	o := <-done
	return o.h, o.err
}

func converse(addr string, until time.Time) (*hdr.Histogram, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(until.Add(10 * time.Second)); err != nil {
		return nil, err
	}
	h := hdr.New(1, int64(time.Minute), 3)
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("probe"))
	answer := make([]byte, 4096)
	for id := int32(0); time.Now().Before(until); id++ {
		request := format.AppendRequest(nil, probe.Produce("ceteris"), id)
		begun := time.Now()
		if _, err := c.Write(request); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, answer[:4]); err != nil {
			return nil, err
		}
		n := int(binary.BigEndian.Uint32(answer))
		if n < 4 || n > len(answer) {
			return nil, fmt.Errorf("an answer of %d bytes", n)
		}
		if _, err := io.ReadFull(c, answer[:n]); err != nil {
			return nil, err
		}
		took := time.Since(begun)
		if got := int32(binary.BigEndian.Uint32(answer)); got != id {
			return nil, fmt.Errorf("answer %d, expected %d", got, id)
		}
		_ = h.RecordValue(max(int64(took), 1)) // the deadline keeps it in range
		time.Sleep(probeEvery)
	}
	return h, nil
}
