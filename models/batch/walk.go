package batch

// DefaultMaxDecompressed bounds what one batch may decompress to, in bytes. It
// is far above what a producer's buffers hold and small enough that a batch
// made of zeros cannot exhaust a shard's thread.
const DefaultMaxDecompressed = 64 << 20

// Validator reads records. It owns the decompressors and buffers this needs and
// belongs to one thread; the zero value is ready. Uncompressed batches allocate
// nothing, compressed ones reuse what earlier ones left.
type Validator struct {
	// MaxDecompressed overrides DefaultMaxDecompressed, in bytes.
	MaxDecompressed int
	codecs          decompressor
	why             string
	record          int32
}

// Why says in words what the last Walk refused and in which record (counted
// from 0; -1 when it was the batch as a whole).
func (v *Validator) Why() (reason string, record int32) { return v.why, v.record }

// Walk reads every record of the batch b, whose header is h, and checks that
// there are as many as stated, that their offset deltas run 0, 1, 2 …, that
// every length stays inside its record and every record inside the batch, and
// that nothing follows the last. Batches whose codec is unknown or whose length
// disagrees with b are refused too, so that Walk is safe without Check.
//
// It returns the largest timestamp of any record in ms (at least -1, Kafka's
// "none") and the offset delta of the first record that has it. In a batch of
// log append time all records have the header's. code is 0 or a code of the
// protocol; Why then tells more. b is only read and no reference to it is kept.
func (v *Validator) Walk(b []byte, h *Header) (maxTsMs int64, maxTsOffsetDelta int32, code int16) {
	v.why, v.record = "", -1
	if len(b) < HeaderLen || len(b) != h.TotalLen() {
		v.why = "batch length differs from its header's"
		return -1, 0, codeInvalid
	}
	records := b[HeaderLen:]
	if codec := h.Codec(); codec != CodecNone {
		if codec > CodecZstd {
			v.why = "compression codec is unknown"
			return -1, 0, codeCompression
		}
		if records, v.why = v.codecs.decompress(records, codec, v.limit()); v.why != "" {
			return -1, 0, codeInvalid
		}
	}
	maxTsMs, maxTsOffsetDelta, v.why, v.record = walk(records, h)
	if v.why != "" {
		return -1, 0, codeInvalid
	}
	if h.TimestampType() == LogAppendTime {
		return h.MaxTimestamp, 0, 0
	}
	return maxTsMs, maxTsOffsetDelta, 0
}

func (v *Validator) limit() int {
	if v.MaxDecompressed > 0 {
		return v.MaxDecompressed
	}
	return DefaultMaxDecompressed
}

// walk is Walk over decompressed records. It is the largest part of an append's
// CPU time, hence one function over plain slices.
func walk(p []byte, h *Header) (maxTs int64, maxDelta int32, why string, n int32) {
	maxTs = -1
	i := 0
	for n = 0; n < h.Count; n++ {
		u, at := uvarint(p, i)
		if at < 0 || u > maxZigzag32 {
			return -1, 0, "record length is not a varint", n
		}
		size := unzigzag(u)
		if size < 1 || size > int64(len(p)-at) {
			return -1, 0, "record is longer than the batch", n
		}
		i = at + int(size)
		r := p[at:i]

		tsDelta, j := uvarint(r, 1) // after the attribute byte, which has no use yet
		offset, j := uvarint(r, j)
		if j < 0 {
			return -1, 0, "record ends inside its head", n
		}
		if offset != zigzag(int64(n)) {
			return -1, 0, "offset delta is not the record's position", n
		}
		if j = skipBytes(r, j, true); j >= 0 { // key
			j = skipBytes(r, j, true) // value
		}
		if j < 0 {
			return -1, 0, "key or value is longer than its record", n
		}
		headers, j := uvarint(r, j)
		if j < 0 || headers&1 != 0 || headers>>1 > uint64(len(r)-j) {
			return -1, 0, "count of headers is out of range", n
		}
		for k := headers >> 1; k > 0 && j >= 0; k-- {
			if j = skipBytes(r, j, false); j >= 0 {
				j = skipBytes(r, j, true)
			}
		}
		if j != len(r) {
			return -1, 0, "headers do not end where the record does", n
		}
		if ts := h.BaseTimestamp + unzigzag(tsDelta); ts > maxTs {
			maxTs, maxDelta = ts, n
		}
	}
	if i != len(p) {
		return -1, 0, "bytes follow the last record stated", -1
	}
	return maxTs, maxDelta, "", -1
}

// skipBytes passes over a length and as many bytes. A negative length is null,
// where that is allowed. It returns the position behind, or -1.
func skipBytes(r []byte, i int, nullable bool) int {
	u, i := uvarint(r, i)
	if i < 0 || u > maxZigzag32 {
		return -1
	}
	n := unzigzag(u)
	if n < 0 {
		if nullable {
			return i
		}
		return -1
	}
	if n > int64(len(r)-i) {
		return -1
	}
	return i + int(n)
}
