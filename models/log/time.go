package log

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ceteris/ceteris/models/batch"
)

// MaxTimestamp asks OffsetForTimestamp for the record with the largest timestamp
// (ListOffsets' -3).
const MaxTimestamp int64 = -3

// OffsetForTimestamp finds the first record whose timestamp is at least tsMs,
// or with MaxTimestamp the first that has the largest of all, among those below
// limit. It returns (-1, -1, -1) when there is none. On CodeCold e.Seg and
// e.Pos say what pk has to load; the search starts afresh then, so the shell
// keeps what it loaded. Any thread. A cold path: it reads a batch and may
// decompress it.
func (l *Log) OffsetForTimestamp(tsMs int64, limit Mark, pk Peeker, e *Extent) (offset, ts int64, epoch int32, code int16) {
	segs, start := l.Segments(), l.StartOffset()
	if tsMs == MaxTimestamp {
		for _, s := range segs {
			tsMs = max(tsMs, s.MaxTimestampMs())
		}
		if tsMs < 0 {
			return -1, -1, -1, 0
		}
	}
	for _, s := range segs {
		if s.MaxTimestampMs() < tsMs {
			continue
		}
		end := readEnd(s, limit)
		var h batch.Header
		for pos := s.timed(tsMs, start); pos < end; pos += int64(h.TotalLen()) {
			if code := header(s, pos, end, pk, e, &h); code != 0 {
				return -1, -1, -1, code
			}
			if h.MaxTimestamp < tsMs || h.LastOffset() < start {
				continue
			}
			offset, ts, code := firstRecord(s, pos, &h, tsMs, start, pk)
			if code != 0 {
				return -1, -1, -1, code
			}
			if offset >= 0 {
				return offset, ts, epochAt(l.Epochs(), offset), 0
			}
		}
	}
	return -1, -1, -1, 0
}

// timed is a batch start before which no record at or after start has a
// timestamp of at least tsMs.
func (s *Segment) timed(tsMs, start int64) int64 {
	// An entry is the first batch to reach its timestamp, so everything before
	// the last entry that is not above tsMs is below tsMs.
	i := s.times.floor(s.times.len(), func(e timeEntry) bool { return e.ts <= tsMs })
	offset := s.Base
	if i >= 0 {
		offset += int64(s.times.at(i).rel)
	}
	return s.indexed(max(offset, start))
}

// firstRecord finds, in the batch at pos, the first record at or after start
// whose timestamp is at least tsMs; the offset is -1 when there is none.
func firstRecord(s *Segment, pos int64, h *batch.Header, tsMs, start int64, pk Peeker) (offset, ts int64, code int16) {
	if h.TimestampType() == batch.LogAppendTime {
		return max(h.BaseOffset, start), h.MaxTimestamp, 0
	}
	b := make([]byte, h.TotalLen())
	if code := peek(s, pos, b, pk); code != 0 {
		return -1, -1, code
	}
	records := b[batch.HeaderLen:]
	if codec := h.Codec(); codec != batch.CodecNone {
		var err error
		records, err = kgo.DefaultDecompressor().Decompress(records, kgo.CompressionCodecType(codec))
		if err != nil {
			return -1, -1, kerr.CorruptMessage.Code
		}
	}
	for range h.Count {
		size, n := binary.Varint(records)
		if n <= 0 || size < 1 || size > int64(len(records)-n) {
			return -1, -1, kerr.CorruptMessage.Code
		}
		record := records[n : n+int(size)]
		records = records[n+int(size):]
		tsDelta, n := binary.Varint(record[1:])
		if n <= 0 {
			return -1, -1, kerr.CorruptMessage.Code
		}
		offsetDelta, m := binary.Varint(record[1+n:])
		if m <= 0 {
			return -1, -1, kerr.CorruptMessage.Code
		}
		offset, ts = h.BaseOffset+offsetDelta, h.BaseTimestamp+tsDelta
		if ts >= tsMs && offset >= start {
			return offset, ts, 0
		}
	}
	return -1, -1, 0
}
