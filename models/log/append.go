package log

import (
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/batch"
)

// Prepare decides about one batch that batch.Check has passed: it walks the
// records, checks the producer's sequence, assigns offsets, stamps the leader
// epoch and the true largest timestamp into b, and fills a with where b goes.
// Writer only; b stays the caller's and is changed in place.
//
// Nothing in the log changes before Commit, so a batch whose write fails has
// left no trace. But the shell must then call partition.Fail: after a failed
// write the file's content is unknown, and only recovery, which reads it back,
// can tell where the log ends. At most one batch may stand between Prepare and
// Commit.
func (l *Log) Prepare(b []byte, h *batch.Header, v *batch.Validator, nowMs int64, leaderEpoch int32, a *Append) (Verdict, int16) {
	*a = Append{Len: len(b), LogAppendTimeMs: -1, nowMs: nowMs, leaderEpoch: leaderEpoch, producerID: -1}
	if len(b) > l.cfg.SegmentBytes {
		return Refused, kerr.RecordListTooLarge.Code
	}
	if code := admissible(h); code != 0 {
		return Refused, code
	}
	maxTs, delta, code := v.Walk(b, h)
	if code != 0 {
		return Refused, code
	}
	if l.cfg.Cleanup.Compacts() && v.Keyless(b, h) {
		return Refused, kerr.InvalidRecord.Code
	}
	if !l.cfg.LogAppendTime && maxTs > nowMs && maxTs-nowMs > l.cfg.TimestampAfterMaxMs {
		return Refused, kerr.InvalidTimestamp.Code
	}
	if h.ProducerID >= 0 {
		a.producerID, a.epoch = h.ProducerID, h.ProducerEpoch
		a.firstSeq, a.lastSeq = h.BaseSequence, addSequence(h.BaseSequence, h.LastOffsetDelta)
		if verdict, code := l.producers.check(a); verdict != Write {
			if verdict == Duplicate && !l.cfg.LogAppendTime {
				a.LogAppendTimeMs = -1
			}
			return verdict, code
		}
	}

	a.Base = l.end.Offset()
	if a.Base > math.MaxInt64-int64(h.Count) {
		return Refused, kerr.KafkaStorageError.Code
	}
	a.Last = a.Base + int64(h.LastOffsetDelta)
	a.MaxTsMs, a.MaxTsOffset = maxTs, a.Base+int64(delta)
	timestampType := 0
	if l.cfg.LogAppendTime {
		timestampType = 1
		a.MaxTsMs, a.MaxTsOffset, a.LogAppendTimeMs = nowMs, a.Base, nowMs
	}
	batch.SetMaxTimestamp(b, timestampType, a.MaxTsMs)
	batch.SetOffsets(b, a.Base, leaderEpoch)
	a.Seg = l.ActiveSegment()
	a.Pos = a.Seg.Size()
	if l.mustRoll(a) {
		return RollThenWrite, 0
	}
	return Write, 0
}

// admissible refuses what no client may write to a plain log.
func admissible(h *batch.Header) int16 {
	switch {
	case h.IsControl():
		return kerr.InvalidRecord.Code
	case h.IsTransactional():
		return kerr.InvalidTxnState.Code
	case h.ProducerID >= 0 && (h.BaseSequence < 0 || h.ProducerEpoch < 0):
		return kerr.InvalidRecord.Code
	}
	return 0
}

// mustRoll is Kafka's LogSegment.shouldRoll without jitter: the batch would
// overfill the segment, the segment spans too much time (counted between record
// timestamps where there are any), an index is full, or an offset would not fit
// an index entry. An empty segment never rolls.
func (l *Log) mustRoll(a *Append) bool {
	s := a.Seg
	if a.Pos == 0 {
		return false
	}
	waited := a.nowMs - s.bornMs
	if s.firstTs >= 0 {
		waited = a.MaxTsMs - s.firstTs
	} else if s.bornMs == 0 {
		waited = 0
	}
	return a.Pos > int64(l.cfg.SegmentBytes-a.Len) ||
		waited > l.cfg.SegmentMs ||
		s.index.len() >= l.cfg.IndexMaxBytes/offsetEntryBytes ||
		s.times.len() >= l.cfg.IndexMaxBytes/timeEntryBytes-1 || // one is kept for the seal
		a.Last-s.Base > math.MaxInt32
}

// Commit takes a prepared batch into the log once the shell has its bytes where
// a Peeker finds them: written to the file, or copied to an append chunk. What
// makes the batch findable is published before the segment's size, and the end
// of the log last, so a reader below the end finds everything. Writer only.
func (l *Log) Commit(a *Append) {
	s := a.Seg
	end := l.end.Load()
	if a.Base != end.Offset || s.Base != end.SegBase || a.Pos != end.Pos {
		panic(fmt.Sprintf("log: commit at offset %d, segment %d, position %d; the log ends at %d, %d, %d",
			a.Base, s.Base, a.Pos, end.Offset, end.SegBase, end.Pos))
	}
	if a.Pos == 0 {
		s.firstTs, s.bornMs = a.MaxTsMs, a.nowMs
	}
	s.note(a.Last, a.Pos, a.Len, a.MaxTsMs, l.cfg.IndexIntervalBytes)
	l.recent.push(a.Base, a.Last, a.Pos, a.Len, s.Base)
	if a.producerID >= 0 {
		l.producers.commit(a)
	}
	l.noteEpoch(a.leaderEpoch, a.Base)
	s.size.Store(a.Pos + int64(a.Len))
	l.end.Store(Mark{Offset: a.Last + 1, SegBase: s.Base, Pos: a.Pos + int64(a.Len)})
}
