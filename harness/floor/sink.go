package floor

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// sinkBytes is the size of a sink's file: zero-filled once, then written round
// and round, so that no write ever extends it.
const sinkBytes = 256 << 20

// sink appends frames to one file a shard: copied into an aligned buffer, one
// write in flight, everything that arrived meanwhile in the next.
//
//	ring   │ free │ in flight │ dirty │ free │
//	            flushed     opEnd    end           positions never wrap; offsets in
//	                                               the buffer and the file do
type sink struct {
	s       *shard
	file    *disk.Direct
	ring    []byte // mapped, so aligned
	flushed int64
	end     int64
	opEnd   int64
	busy    bool
	op      reactor.DiskOp
	waiting []waiter

	appended, written *telemetry.Counter // as tpc's counters of the same names
}

// ringBytes is how much may wait for the device before frames are refused.
const ringBytes = 32 << 20

type waiter struct {
	c  *conn
	at int64
}

func newSink(s *shard) (*sink, error) {
	if err := os.MkdirAll(s.b.cfg.DataDir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(s.b.cfg.DataDir, fmt.Sprintf("null-%d.frames", s.id))
	made, err := disk.OS.Open(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	if err := made.Close(); err != nil {
		return nil, err
	}
	f, err := disk.OpenDirect(path)
	if err != nil {
		return nil, err
	}
	ring, err := unix.Mmap(-1, 0, ringBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for off := int64(0); off < sinkBytes; off += int64(len(ring)) {
		if _, err := f.WriteAt(ring, off); err != nil {
			return nil, errors.Join(fmt.Errorf("zero-filling %s: %w", path, err), f.Close())
		}
	}
	counter := func(name, help string) *telemetry.Counter {
		return s.b.registry.Counter(name, help, "shard", strconv.Itoa(s.id))
	}
	return &sink{
		s: s, file: f, ring: ring,
		appended: counter("append_bytes_total", "bytes of frames that appends have brought to the device"),
		written:  counter("append_written_bytes_total", "bytes written for that: whole blocks, the partial last one again each time"),
	}, nil
}

// append copies a frame and returns the position that has to be on the device
// before it may be acknowledged.
func (k *sink) append(frame []byte, c *conn) int64 {
	if k.end-k.flushed+int64(len(frame)) > ringBytes-disk.Align {
		c.close() // the floor has no flow control: a client this far ahead is refused
		return k.end
	}
	k.s.copies.Add(telemetry.CopyAppend, len(frame))
	for len(frame) > 0 {
		n := copy(k.ring[k.end%ringBytes:], frame)
		frame = frame[n:]
		k.end += int64(n)
	}
	k.waiting = append(k.waiting, waiter{c, k.end})
	return k.end
}

// kick writes from the block of flushed to the block of end, or to the end of
// the ring.
func (k *sink) kick() {
	if k.busy || k.flushed == k.end {
		return
	}
	start := k.flushed &^ (disk.Align - 1)
	stop := (k.end + disk.Align - 1) &^ (disk.Align - 1)
	if wrap := (start/ringBytes + 1) * ringBytes; stop > wrap {
		stop = wrap
	}
	stop = min(stop, start+1<<20)
	k.opEnd, k.busy = min(k.end, stop), true
	k.op.Kind, k.op.FD, k.op.Off, k.op.Done = reactor.Write, k.file.FD(), start%sinkBytes, k
	if k.s.b.cfg.Factors.Durability == models.Power {
		k.op.Kind = reactor.WriteDSync
	}
	k.op.B = k.ring[start%ringBytes : start%ringBytes+(stop-start)]
	k.s.r.Submit(&k.op)
}

// DiskDone acknowledges what the write carried and starts the next.
func (k *sink) DiskDone(op *reactor.DiskOp) {
	k.busy = false
	if op.Err != nil {
		slog.Error("null broker: write failed", "error", op.Err)
		for _, w := range k.waiting {
			w.c.close()
		}
		k.waiting = k.waiting[:0]
		return
	}
	k.appended.Add(uint64(k.opEnd - k.flushed))
	k.written.Add(uint64(op.Res))
	k.flushed = k.opEnd
	n := 0
	for n < len(k.waiting) && k.waiting[n].at <= k.flushed {
		k.waiting[n].c.written(k.flushed)
		n++
	}
	m := copy(k.waiting, k.waiting[n:])
	clear(k.waiting[m:])
	k.waiting = k.waiting[:m]
	k.kick()
}

// written lets the answers go whose frames are on the device.
func (c *conn) written(flushed int64) {
	for i := range c.answers {
		if a := &c.answers[i]; a.at > 0 && a.at <= flushed {
			a.ready = true
		}
	}
	c.mark()
}

func (k *sink) close() error { return errors.Join(k.file.Close(), unix.Munmap(k.ring)) }
