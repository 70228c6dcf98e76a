package reactor

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/ceteris/ceteris/models/disk"
)

// still is a shell that does nothing.
type still struct{}

func (still) Start(*Reactor) error { return nil }
func (still) Poll() bool           { return false }
func (still) Flush()               {}

// finishes notes when an operation was over.
type finishes struct {
	k  *Sim
	at []int64
}

func (f *finishes) DiskDone(*DiskOp) { f.at = append(f.at, f.k.NowNs) }

// TestProduceOvertakesOnADevice queues 64 reads of 1 MiB on a device that does
// one thing after the other, 200 µs each, and then a producer's write: it waits
// for the few reads that the device has, not for the rest. In one queue it waits
// for all.
func TestProduceOvertakesOnADevice(t *testing.T) {
	const reads, eachNs = 64, 200_000
	for _, one := range []bool{false, true} {
		k := NewSim(rand.New(rand.NewPCG(1, 2)))
		busyNs := int64(0)
		k.DelayNs = func() int64 {
			busyNs = max(busyNs, k.NowNs) + eachNs
			return busyNs - k.NowNs
		}
		f, err := disk.NewMem().Open("/f", os.O_RDWR|os.O_CREATE)
		if err != nil {
			t.Fatal(err)
		}
		fd := k.AddFile(f)
		r, err := New(Options{Sim: k, CPU: -1, OneDiskClass: one})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Begin(still{}); err != nil {
			t.Fatal(err)
		}
		read, written := &finishes{k: k}, &finishes{k: k}
		mem := make([]byte, 1<<20)
		for i := range int64(reads) {
			r.Submit(&DiskOp{Kind: Read, Class: Fetch, FD: fd, Off: i << 20, B: mem, Done: read})
		}
		r.Submit(&DiskOp{Kind: Write, FD: fd, Off: reads << 20, B: mem[:4096], Done: written})
		for len(read.at) < reads || len(written.at) == 0 {
			for r.Step() {
			}
			next := r.NextNs()
			if done := len(read.at) + len(written.at); next < 0 && done <= reads {
				t.Fatalf("%d of %d operations are over, and nothing is to come", done, reads+1)
			}
			k.NowNs = max(k.NowNs, next)
		}
		switch at := written.at[0]; {
		case !one && at > 4*eachNs:
			t.Errorf("the write was over after %d ns, want %d at most", at, 4*eachNs)
		case one && at < reads*eachNs/2:
			t.Errorf("in one queue the write was over after %d ns: the test shows nothing", at)
		}
		if last := read.at[reads-1]; last > (reads+1)*eachNs {
			t.Errorf("the reads were over after %d ns, want %d: the device rested", last, (reads+1)*eachNs)
		}
	}
}
