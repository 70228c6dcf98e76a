package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Retain applies retention and returns the sealed segments that go: those below
// the start offset, those whose newest record is older than the retention time,
// and the oldest while the rest alone reach the retention size. Only segments
// wholly below limit (the high watermark) go, always from the front, never the
// active one. They are out of the log when Retain returns; the shell closes and
// drops their files ([DropSegment]), after Kafka's delay if it likes. Readers
// that still hold one read on. Writer only.
//
// A segment without any timestamp is kept by time until a newer one goes, one
// that compaction left empty goes with its elders. A log that is compacted and
// nothing else loses only what lies below its start.
// Retain also forgets the producers whose time has come.
func (l *Log) Retain(nowMs int64, limit Mark) []*Segment {
	l.producers.expire(nowMs, l.cfg.ProducerExpirationMs)
	segs := l.Segments()
	start := l.StartOffset()
	deletes := l.cfg.Cleanup.Deletes()
	byAge, bySize := deletes && l.cfg.RetentionMs > 0, deletes && l.cfg.RetentionBytes > 0
	excess := int64(0)
	if bySize {
		excess = l.SizeBytes() - l.cfg.RetentionBytes
	}
	n := 0
	for n < len(segs)-1 {
		s, next := segs[n], segs[n+1].Base
		old := byAge && (s.Size() == 0 || s.MaxTimestampMs() >= 0 && nowMs-s.MaxTimestampMs() > l.cfg.RetentionMs)
		large := bySize && excess >= s.Size()
		if next > limit.Offset || !(next <= start || old || large) {
			break
		}
		excess -= s.Size()
		n++
	}
	if n == 0 {
		return nil
	}
	// The start moves first: a reader that sees the old view and the new start
	// is refused, one that sees the old start and the new view as well.
	l.raiseStart(max(start, segs[n].Base))
	gone, kept := segs[:n:n], slices.Clone(segs[n:])
	for _, s := range gone {
		s.dropped.Store(true) // DropSegment of a later one may take its files too
	}
	l.view.Store(&kept)
	return gone
}

// ActiveExpired reports whether every record of the active segment is older
// than the retention time and below limit. Kafka then rolls, so that Retain can
// take the segment: a := Append{Base: l.EndOffset()}; l.Roll(&a). Writer only.
func (l *Log) ActiveExpired(nowMs int64, limit Mark) bool {
	s := l.ActiveSegment()
	return l.cfg.Cleanup.Deletes() && l.cfg.RetentionMs > 0 && s.Size() > 0 && s.MaxTimestampMs() >= 0 &&
		nowMs-s.MaxTimestampMs() > l.cfg.RetentionMs && l.EndOffset() <= limit.Offset
}

// SetStartOffset makes offset the first that may be read (DeleteRecords); the
// segments below it go with the next Retain. Beyond limit (the high watermark)
// it is OFFSET_OUT_OF_RANGE, below the present start it changes nothing. The
// new start is durable with the next Checkpoint. Writer only.
func (l *Log) SetStartOffset(offset int64, limit Mark) int16 {
	if offset > limit.Offset || offset < 0 {
		return kerr.OffsetOutOfRange.Code
	}
	if offset > l.StartOffset() {
		l.raiseStart(offset)
	}
	return 0
}

func (l *Log) raiseStart(offset int64) {
	l.start.Store(offset)
	have := l.Epochs()
	if len(have) == 0 || have[0].Start >= offset {
		return
	}
	next := trimEpochs(have, offset, -1)
	l.epochs.Store(&next)
	l.epochsOld.Store(true)
}
