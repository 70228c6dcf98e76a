package batch

import "encoding/binary"

// horizonBit says that the base timestamp is the time from which the batch's
// tombstones may go (KIP-534).
const horizonBit = 1 << 6

// DeleteHorizonMs is the time from which the batch's tombstones may go; not ok
// when none has been set yet.
func (h *Header) DeleteHorizonMs() (ms int64, ok bool) {
	return h.BaseTimestamp, h.Attributes&horizonBit != 0
}

// Rewriter makes a batch of some of the records of another, for compaction: the
// offsets that records have, and the range that the batch covers, stay what they
// were. Begin, Keep as often as wanted, Close. It reuses its memory.
type Rewriter struct {
	h        Header
	count    int32
	raw, out []byte
	compress compressor
}

// Begin starts a batch that takes the place of the one with header h.
func (w *Rewriter) Begin(h *Header) {
	w.h, w.count = *h, 0
	if cap(w.raw) < HeaderLen {
		w.raw = make([]byte, HeaderLen, 4096)
	}
	w.raw = w.raw[:HeaderLen]
	if h.TimestampType() == CreateTime {
		w.h.MaxTimestamp = -1
	}
}

// SetDeleteHorizon says from when on, in ms, the tombstones of the batch may go.
// Before Keep.
func (w *Rewriter) SetDeleteHorizon(ms int64) {
	w.h.BaseTimestamp = ms
	w.h.Attributes |= horizonBit
}

// Keep copies a record of the batch whose header was was.
func (w *Rewriter) Keep(r *Record, was *Header) {
	ts := was.BaseTimestamp + r.TimestampDelta
	if w.h.TimestampType() == CreateTime {
		w.h.MaxTimestamp = max(w.h.MaxTimestamp, ts)
	}
	w.count++
	if w.h.BaseTimestamp == was.BaseTimestamp {
		w.raw = append(w.raw, r.whole...)
		return
	}
	delta := ts - w.h.BaseTimestamp
	w.raw = appendVarint(w.raw, int64(1+varintLen(delta)+len(r.tail)))
	w.raw = append(w.raw, r.flags)
	w.raw = appendVarint(w.raw, delta)
	w.raw = append(w.raw, r.tail...)
}

// Close finishes the batch, compressed as the original was. The bytes belong to
// the rewriter and hold until the next Begin.
func (w *Rewriter) Close() []byte {
	out := w.raw
	if codec := w.h.Codec(); codec != CodecNone {
		w.out = append(w.out[:0], w.raw[:HeaderLen]...)
		w.out = w.compress.append(w.out, w.raw[HeaderLen:], codec, false)
		out = w.out
	}
	w.h.Count = w.count
	putHeader(out, &w.h)
	return out
}

// AppendEmpty appends a batch without records that covers the offsets of the
// one with header h: it keeps what a producer's last sequence was.
func AppendEmpty(dst []byte, h *Header) []byte {
	empty := *h
	empty.Count, empty.BaseTimestamp = 0, -1
	empty.Attributes &^= codecMask | horizonBit
	at := len(dst)
	var space [HeaderLen]byte
	dst = append(dst, space[:]...)
	putHeader(dst[at:], &empty)
	return dst
}

// putHeader writes h over the start of the batch b, with b's length and CRC.
func putHeader(b []byte, h *Header) {
	e := binary.BigEndian
	SetOffsets(b, h.BaseOffset, h.LeaderEpoch)
	e.PutUint32(b[8:], uint32(len(b)-lengthEnd))
	b[16] = 2
	e.PutUint16(b[21:], uint16(h.Attributes))
	e.PutUint32(b[23:], uint32(h.LastOffsetDelta))
	e.PutUint64(b[27:], uint64(h.BaseTimestamp))
	e.PutUint64(b[35:], uint64(h.MaxTimestamp))
	e.PutUint64(b[43:], uint64(h.ProducerID))
	e.PutUint16(b[51:], uint16(h.ProducerEpoch))
	e.PutUint32(b[53:], uint32(h.BaseSequence))
	e.PutUint32(b[57:], uint32(h.Count))
	e.PutUint32(b[17:], Checksum(b))
}
