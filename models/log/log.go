package log

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// Log is one partition's log as a state machine: it knows where every batch is
// and touches no file after it was opened. One thread at a time writes (the
// owning shard, or the holder of the log's lock); any number read at once
// without a lock. Methods say "any thread" or "writer only".
type Log struct {
	Topic string
	Index int32
	ID    [16]byte // topic id
	// Recovery is what opening found and mended.
	Recovery Recovery

	dir       string
	cfg       Config
	view      atomic.Pointer[[]*Segment] // ascending, the last one is active; never empty, never changed in place
	start     atomic.Int64
	end       MarkCell
	recent    ring
	compacted atomic.Int64 // as in the directory's checkpoint
	replaced  atomic.Int64 // base below which segments may have been replaced: what recent says of them is old
	epochs    atomic.Pointer[[]EpochStart]
	epochsOld atomic.Bool // the checkpoint file lags behind epochs
	producers producers
	closed    atomic.Bool

	// What the files hold exactly as a clean end leaves them; nothing at Offset -1.
	exact Mark
}

func newLog(topic string, index int32, id [16]byte, dir string, cfg Config) *Log {
	l := &Log{Topic: topic, Index: index, ID: id, dir: dir, cfg: cfg.normal()}
	l.producers.init(l.cfg.MaxProducers)
	l.epochs.Store(&[]EpochStart{})
	return l
}

// Path is the log's directory.
func (l *Log) Path() string { return l.dir }

// SetConfig changes the settings from the next append on. Writer only.
func (l *Log) SetConfig(cfg Config) {
	l.cfg = cfg.normal()
	l.producers.limit = l.cfg.MaxProducers
}

// Config is the present settings. Writer only.
func (l *Log) Config() Config { return l.cfg }

// StartOffset is the first offset that may be read. Any thread.
func (l *Log) StartOffset() int64 { return l.start.Load() }

// EndOffset is the offset of the next record (LEO). Any thread.
func (l *Log) EndOffset() int64 { return l.end.Offset() }

// EndMark is the end of the log as a position. Any thread.
func (l *Log) EndMark() Mark { return l.end.Load() }

// Segments is a snapshot in ascending order; the last one is active. It must
// not be changed. Any thread.
func (l *Log) Segments() []*Segment { return *l.view.Load() }

// NextBase is the base of the segment after s, the log's end for the last one.
// Any thread.
func (l *Log) NextBase(s *Segment) int64 {
	for _, n := range l.Segments() {
		if n.Base > s.Base {
			return n.Base
		}
	}
	return l.EndOffset()
}

// ActiveSegment is the one that grows. Any thread.
func (l *Log) ActiveSegment() *Segment {
	segs := l.Segments()
	return segs[len(segs)-1]
}

// SizeBytes is the size of all segments. Any thread.
func (l *Log) SizeBytes() int64 {
	var n int64
	for _, s := range l.Segments() {
		n += s.Size()
	}
	return n
}

// Roll seals the active segment and starts one at a.Base, at which a is then
// aimed. It touches no file: the shell creates the fresh segment's file before
// it writes ([CreateSegment]) and seals the old one when its last write has
// completed ([SealSegment]), in the background if it likes. Writer only.
//
// Rolling is not undone. A shell that cannot create the file fails the
// partition; no reader is ever sent into a segment above the high watermark.
func (l *Log) Roll(a *Append) (old, fresh *Segment) {
	segs := l.Segments()
	old = segs[len(segs)-1]
	end := l.end.Load()
	if a.Base != end.Offset {
		panic(fmt.Sprintf("log: roll at offset %d, want the log's end %d", a.Base, end.Offset))
	}
	if old.Base == a.Base {
		panic(fmt.Sprintf("log: roll of the empty segment %d", old.Base))
	}
	old.noteTime() // the maximum enters the time index whether or not the interval was reached
	old.snapshot, old.snapshotAt = l.producers.snapshot(), a.Base
	old.sealed.Store(true)
	fresh = newSegment(a.Base)
	next := append(slices.Clip(slices.Clone(segs)), fresh)
	l.view.Store(&next)
	l.end.Store(Mark{Offset: a.Base, SegBase: a.Base})
	old.next = fresh
	a.Seg, a.Pos = fresh, 0
	return old, fresh
}

// segmentOf finds the segment that holds offset: the last whose base is at most
// it. Nil when the offset lies before all of them.
func segmentOf(segs []*Segment, offset int64) (int, *Segment) {
	lo, hi := 0, len(segs)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if segs[mid].Base <= offset {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return -1, nil
	}
	return lo - 1, segs[lo-1]
}
