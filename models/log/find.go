package log

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/batch"
)

// headBytes is how much of a batch tells where it ends.
const headBytes = batch.HeaderLen

// Find locates the batch that holds offset and fills e with it and with what
// follows in the same segment, at most maxBytes and never beyond limit. The
// last batch may be cut. The first is whole: when it alone is larger than
// maxBytes the extent is that batch (minOne) or empty. At limit.Offset the
// extent is empty, and nothing else is an error up to the log's end; outside
// the log the code is OFFSET_OUT_OF_RANGE. On CodeCold e.Seg and e.Pos say what
// pk has to load. Any thread; allocates nothing.
func (l *Log) Find(offset int64, maxBytes int, minOne bool, limit Mark, pk Peeker, e *Extent) int16 {
	e.Seg, e.Pos, e.Len, e.Base, e.First = nil, 0, 0, offset, 0
	if offset < l.StartOffset() || offset > l.EndOffset() {
		return kerr.OffsetOutOfRange.Code
	}
	if offset >= limit.Offset {
		return 0
	}
	segs := l.Segments()
	if p, ok := l.recent.find(offset); ok {
		if _, s := segmentOf(segs, p.seg); s != nil && s.Base == p.seg && p.seg >= l.replaced.Load() {
			e.Seg, e.Pos, e.Base, e.First = s, p.pos, p.base, p.length
			e.Len = e.readable(readEnd(s, limit), maxBytes, minOne)
			return 0
		}
	}
	if code := locate(segs, offset, limit, pk, e); code != 0 {
		return code
	}
	if e.Seg == nil {
		e.Pos, e.Len, e.Base = 0, 0, offset
		if offset < l.StartOffset() {
			return kerr.OffsetOutOfRange.Code // retention took the segment meanwhile
		}
		return 0 // compaction has left nothing from here to the limit
	}
	e.Len = e.readable(readEnd(e.Seg, limit), maxBytes, minOne)
	return 0
}

// readable cuts what lies between the extent's start and end down to what was
// asked for.
func (e *Extent) readable(end int64, maxBytes int, minOne bool) int {
	if maxBytes < e.First {
		if minOne {
			return e.First
		}
		return 0
	}
	return int(min(end-e.Pos, int64(maxBytes)))
}

// readEnd is how far into s a reader with this limit may go, bytes.
func readEnd(s *Segment, limit Mark) int64 {
	switch {
	case s.Base == limit.SegBase:
		return limit.Pos
	case s.Base > limit.SegBase:
		return 0
	}
	return s.Size()
}

// locate finds the first batch whose last offset is at least offset, by sparse
// index and then by headers. e.Seg is nil when no batch below limit qualifies.
func locate(segs []*Segment, offset int64, limit Mark, pk Peeker, e *Extent) (code int16) {
	i, s := segmentOf(segs, offset)
	if s == nil {
		e.Seg = nil
		return 0
	}
	// The offset can lie behind the last batch of its segment only where
	// compaction left a gap; then the next segment has the answer.
	for ; i < len(segs); i++ {
		s = segs[i]
		pos, end := s.indexed(offset), readEnd(s, limit)
		for pos < end {
			var h batch.Header
			if code := header(s, pos, end, pk, e, &h); code != 0 {
				return code
			}
			if h.LastOffset() >= offset {
				e.Seg, e.Pos, e.Base, e.First = s, pos, h.BaseOffset, h.TotalLen()
				return 0
			}
			pos += int64(h.TotalLen())
		}
	}
	e.Seg = nil
	return 0
}

// indexed is a batch start at or before the batch that holds offset.
func (s *Segment) indexed(offset int64) int64 {
	n := s.index.len()
	i := s.index.floor(n, func(x offsetEntry) bool { return s.Base+int64(x.rel) <= offset })
	if i < 0 {
		return 0
	}
	return int64(s.index.at(i).pos)
}

// header peeks the batch header at pos. Except at 0 it leaves e at pos.
func header(s *Segment, pos, end int64, pk Peeker, e *Extent, h *batch.Header) int16 {
	if end-pos < headBytes {
		return kerr.CorruptMessage.Code
	}
	e.Seg, e.Pos = s, pos
	if code := peek(s, pos, e.head[:], pk); code != 0 {
		return code
	}
	if err := batch.Parse(e.head[:], h); err != nil || h.TotalLen() < headBytes || pos+int64(h.TotalLen()) > end {
		return kerr.CorruptMessage.Code
	}
	return 0
}

// peek fills dst or says why not.
func peek(s *Segment, pos int64, dst []byte, pk Peeker) int16 {
	n, err := pk.Peek(s, pos, dst)
	switch {
	case n == len(dst):
		return 0
	case errors.Is(err, ErrCold):
		return CodeCold
	}
	return kerr.KafkaStorageError.Code
}
