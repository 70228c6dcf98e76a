package compact

import (
	"math"

	"github.com/ceteris/ceteris/models/log"
)

// Candidate is what compaction could do to a log.
type Candidate struct {
	First, End int64 // the dirty part that may be looked at, whole segments but for its start: offsets
	CleanBytes int64 // below it
	DirtyBytes int64 // in it
}

// Examine looks how much of a log is dirty: from where the last round ended to
// the first segment that is active, not wholly below limit, or holds a record
// younger than min.compaction.lag.ms. compacted is the checkpointed end of the
// last round; one that the log does not reach (it was cut) counts for nothing.
// Writer only.
func Examine(l *log.Log, compacted, limit, nowMs int64) Candidate {
	segs, cfg := l.Segments(), l.Config()
	start := max(l.StartOffset(), segs[0].Base)
	active := segs[len(segs)-1].Base
	if compacted < start || compacted > active {
		compacted = start
	}
	c := Candidate{First: compacted, End: compacted}
	for i, s := range segs[:len(segs)-1] {
		next := segs[i+1].Base
		if next <= compacted {
			c.CleanBytes += s.Size()
			continue
		}
		young := cfg.MinCompactionLagMs > 0 && s.MaxTimestampMs() > nowMs-cfg.MinCompactionLagMs
		if young || next > limit {
			break
		}
		c.DirtyBytes += s.Size()
		c.End = next
	}
	return c
}

// Ratio is the dirty share of what could be compacted, 0 to 1.
func (c *Candidate) Ratio() float64 {
	if c.DirtyBytes == 0 {
		return 0
	}
	return float64(c.DirtyBytes) / float64(c.CleanBytes+c.DirtyBytes)
}

// Wanted reports whether a log with these settings is to be compacted. Of
// several the one with the largest ratio goes first.
func (c *Candidate) Wanted(cfg *log.Config) bool {
	return cfg.Cleanup.Compacts() && c.DirtyBytes > 0 && c.Ratio() > cfg.MinDirtyRatio
}

// group takes from the front of segs those that become one segment: together
// they do not exceed a segment's size, its indexes', and the range of offsets
// that an index entry can tell. end is the offset behind the last of segs.
func group(segs []*log.Segment, end int64, cfg *log.Config) int {
	bytes, offsets, times := int64(0), 0, 0
	for n, s := range segs {
		next := end
		if n+1 < len(segs) {
			next = segs[n+1].Base
		}
		bytes += s.Size()
		o, t := s.Entries()
		offsets, times = offsets+o, times+t
		if n > 0 && (bytes > int64(cfg.SegmentBytes) || max(log.IndexBytes(offsets), log.TimeIndexBytes(times)) > cfg.IndexMaxBytes ||
			next-1-segs[0].Base > math.MaxInt32) {
			return n
		}
	}
	return len(segs)
}
