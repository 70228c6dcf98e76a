package log

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// sent is one batch an idempotent producer had acknowledged.
type sent struct {
	seq  int32
	n    int
	base int64
}

// history is what the test knows of a log beside the shell's own record.
type history struct {
	s       *shell
	mem     *disk.Mem
	cfg     Config
	synced  int64 // everything below this offset was synced
	sent    map[int64][]sent
	retired []*Segment // out of the log, files not yet removed
}

// TestLogKeepsWhatWasSynced drives a log with random appends, rolls, syncs,
// checkpoints and retention, stops it cleanly, kills it or pulls the plug, and
// opens it again: everything synced is there, byte for byte, offsets are dense,
// and every producer may repeat its last surviving batch and nothing is stored
// twice.
func TestLogKeepsWhatWasSynced(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := &history{mem: disk.NewMem(), sent: map[int64][]sent{}}
		h.cfg = DefaultConfig()
		h.cfg.SegmentBytes = rapid.IntRange(400, 4000).Draw(rt, "segment bytes")
		h.cfg.IndexIntervalBytes = rapid.IntRange(0, 500).Draw(rt, "index interval")
		h.cfg.RetentionBytes = rapid.SampledFrom([]int64{-1, 3000, 10000}).Draw(rt, "retention")
		h.s = start(rt, h.mem, h.cfg)
		h.s.ahead = int64(rapid.SampledFrom([]int{0, 0, 700}).Draw(rt, "zeros ahead"))
		h.s.noSeal = rapid.Bool().Draw(rt, "seals come too late")
		rt.Repeat(map[string]func(*rapid.T){
			"append":     h.append,
			"idempotent": h.idempotent,
			"sync":       h.sync,
			"checkpoint": h.checkpoint,
			"retain":     h.retain,
			"drop":       h.drop,
			"stop":       h.stop,
			"kill":       func(rt *rapid.T) { h.reopen(rt, h.mem.Kill(), h.s.l.EndOffset()) },
			"crash":      func(rt *rapid.T) { h.reopen(rt, h.mem.Crash(), h.synced) },
			"tear": func(rt *rapid.T) {
				coin := rapid.Bool()
				h.reopen(rt, h.mem.CrashTorn(func() bool { return coin.Draw(rt, "kept") }), h.synced)
			},
			"": func(rt *rapid.T) { h.s.t = rt },
		})
	})
}

func (h *history) append(rt *rapid.T) {
	h.s.t = rt
	h.s.epoch += int32(rapid.IntRange(0, 20).Draw(rt, "epoch") / 20)
	n, size := rapid.IntRange(1, 4).Draw(rt, "records"), rapid.IntRange(0, 60).Draw(rt, "size")
	ts := int64(1000 + rapid.IntRange(0, 50).Draw(rt, "timestamp"))
	codec := rapid.SampledFrom([]int{batch.CodecNone, batch.CodecNone, batch.CodecLz4}).Draw(rt, "codec")
	b := batch.NewBuilder(0, codec)
	for range n {
		b.Append(ts, nil, bytes.Repeat([]byte{1}, size))
	}
	h.s.put(b.Close())
}

func (h *history) idempotent(rt *rapid.T) {
	h.s.t = rt
	id := int64(rapid.IntRange(1, 3).Draw(rt, "producer"))
	n := rapid.IntRange(1, 3).Draw(rt, "records")
	seq := int32(0)
	if have := h.sent[id]; len(have) > 0 {
		last := have[len(have)-1]
		seq = addSequence(last.seq, int32(last.n))
	}
	a, v, code := h.s.put(sequence(id, 0, seq, n))
	if v != Write && v != RollThenWrite {
		rt.Fatalf("producer %d, sequence %d: %v, code %d", id, seq, v, code)
	}
	h.sent[id] = append(h.sent[id], sent{seq, n, a.Base})
}

// sync syncs every segment, as a shell that promises power does before it
// acknowledges.
func (h *history) sync(rt *rapid.T) {
	for _, seg := range h.s.l.Segments() {
		if err := seg.File.Sync(); err != nil {
			rt.Fatalf("%v", err)
		}
	}
	h.synced = h.s.l.EndOffset()
}

func (h *history) checkpoint(rt *rapid.T) {
	marks := map[TP]int64{}
	if !h.s.noSeal {
		marks[TP{"topic", 0}] = h.s.l.ActiveSegment().Base
		h.synced = max(h.synced, h.s.l.ActiveSegment().Base) // sealing synced it
	}
	if err := h.s.dir.Checkpoint(marks); err != nil {
		rt.Fatalf("%v", err)
	}
}

func (h *history) retain(rt *rapid.T) {
	h.s.t = rt
	if h.s.noSeal {
		return // what is not sealed cannot be told from what was lost
	}
	h.retired = append(h.retired, h.s.l.Retain(h.s.nowMs-h.cfg.RetentionMs, h.s.l.EndMark())...)
}

// drop removes a segment that retention took out before, not always the oldest.
func (h *history) drop(rt *rapid.T) {
	if len(h.retired) == 0 {
		return
	}
	i := rapid.IntRange(0, len(h.retired)-1).Draw(rt, "which")
	if err := DropSegment(h.s.fs, h.s.l.Path(), h.retired[i]); err != nil {
		rt.Fatalf("%v", err)
	}
	h.retired = slices.Delete(h.retired, i, i+1)
}

func (h *history) stop(rt *rapid.T) {
	h.s.t = rt
	h.s.stop()
	verifyClosed(rt, h.mem, h.s.l.Path())
	begin, end := h.s.l.StartOffset(), h.s.l.EndOffset()
	h.reopen(rt, h.mem.Crash(), end) // a clean stop survives the plug as well
	if h.s.l.StartOffset() != begin || h.s.l.EndOffset() != end || h.s.l.Recovery.Unclean || h.s.l.Recovery.RebuiltIndexes != 0 {
		rt.Fatalf("clean stop at %d, start at %d: %+v", end, h.s.l.EndOffset(), h.s.l.Recovery)
	}
}

// reopen opens what a crash left; everything below atLeast must be there.
func (h *history) reopen(rt *rapid.T, mem *disk.Mem, atLeast int64) {
	old := h.s
	h.mem, h.retired = mem, nil
	h.s = start(rt, mem, h.cfg)
	h.s.ahead, h.s.noSeal, h.s.epoch, h.s.written = old.ahead, old.noSeal, old.epoch, old.written
	l := h.s.l
	end := l.EndOffset()
	if end < atLeast || end > old.l.EndOffset() {
		rt.Fatalf("log ended at %d, %d were safe, now ends at %d: %+v", old.l.EndOffset(), atLeast, end, l.Recovery)
	}
	h.synced = end
	if got := h.s.check(); got != end {
		rt.Fatalf("offsets are dense up to %d, the log ends at %d", got, end)
	}
	for base := range h.s.written {
		if base >= end {
			delete(h.s.written, base)
		}
	}
	for id, all := range h.sent {
		for len(all) > 0 && all[len(all)-1].base+int64(all[len(all)-1].n) > end {
			all = all[:len(all)-1]
		}
		h.sent[id] = all
		if len(all) == 0 {
			continue
		}
		last := all[len(all)-1]
		if a, v, code := h.s.put(sequence(id, 0, last.seq, last.n)); v != Duplicate || a.Base != last.base {
			rt.Fatalf("producer %d repeats sequence %d of offset %d: %v at %d, code %d; log from %d to %d",
				id, last.seq, last.base, v, a.Base, code, l.StartOffset(), end)
		}
	}
	if _, err := mem.Stat(segmentPath(l.Path(), l.ActiveSegment().Base, ".log")); os.IsNotExist(err) {
		rt.Fatalf("the active segment has no file")
	}
}
