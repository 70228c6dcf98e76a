package batch

import "math"

// RecordHeader is one header of a record. A nil Value is null.
type RecordHeader struct {
	Key   string
	Value []byte
}

// Builder makes batches, for load generators and tests. It reuses its memory:
// Reset, Append as often as wanted, Close. The fields may be set between Reset
// and Close; Reset leaves them alone.
type Builder struct {
	LeaderEpoch   int32
	ProducerID    int64 // -1 without idempotence, with the next two
	ProducerEpoch int16
	BaseSequence  int32
	Transactional bool
	RawSnappy     bool // one raw block instead of Java's framing

	baseOffset int64
	codec      int
	baseTs     int64
	maxTs      int64
	count      int32
	raw        []byte // header space and records, uncompressed
	out        []byte // header and compressed records
	compress   compressor
}

// NewBuilder starts a batch at the given offset (0 for a producer) with one of
// CodecNone to CodecZstd.
func NewBuilder(baseOffset int64, codec int) *Builder {
	b := &Builder{codec: codec, LeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1}
	b.Reset(baseOffset)
	return b
}

// Reset starts the next batch. What Close returned is overwritten from here on.
func (b *Builder) Reset(baseOffset int64) {
	if cap(b.raw) < HeaderLen {
		b.raw = make([]byte, HeaderLen, 4096)
	}
	b.raw = b.raw[:HeaderLen]
	b.baseOffset, b.count, b.baseTs, b.maxTs = baseOffset, 0, 0, -1
}

// Append adds a record with a timestamp in ms. A nil key or value is null. All
// arguments are copied.
func (b *Builder) Append(tsMs int64, key, value []byte, headers ...RecordHeader) {
	if b.count == 0 {
		b.baseTs = tsMs
	}
	b.maxTs = max(b.maxTs, tsMs)
	tsDelta, offset := tsMs-b.baseTs, int64(b.count)
	size := 1 + varintLen(tsDelta) + varintLen(offset) + bytesLen(key) + bytesLen(value) + varintLen(int64(len(headers)))
	for i := range headers {
		size += varintLen(int64(len(headers[i].Key))) + len(headers[i].Key) + bytesLen(headers[i].Value)
	}
	p := appendVarint(b.raw, int64(size))
	p = append(p, 0)
	p = appendVarint(p, tsDelta)
	p = appendVarint(p, offset)
	p = appendBytes(p, key)
	p = appendBytes(p, value)
	p = appendVarint(p, int64(len(headers)))
	for i := range headers {
		p = appendVarint(p, int64(len(headers[i].Key)))
		p = append(p, headers[i].Key...)
		p = appendBytes(p, headers[i].Value)
	}
	b.raw = p
	b.count++
}

// Count is the number of records appended since Reset.
func (b *Builder) Count() int { return int(b.count) }

// Len is the size of the batch in bytes before compression.
func (b *Builder) Len() int { return len(b.raw) }

// Close finishes the batch and returns it. The bytes belong to the builder and
// hold until the next Reset; the caller may patch them. Closing a batch that
// has grown beyond what its length field can say is a programmer's error.
func (b *Builder) Close() []byte {
	out := b.raw
	if b.codec != CodecNone {
		b.out = append(b.out[:0], b.raw[:HeaderLen]...)
		b.out = b.compress.append(b.out, b.raw[HeaderLen:], b.codec, b.RawSnappy)
		out = b.out
	}
	if len(out) > math.MaxInt32 {
		panic("batch: more than 2 GiB in one batch")
	}
	attributes := uint16(b.codec)
	if b.Transactional {
		attributes |= transactionalBit
	}
	putHeader(out, &Header{
		BaseOffset: b.baseOffset, LeaderEpoch: b.LeaderEpoch, Attributes: int16(attributes), LastOffsetDelta: b.count - 1,
		BaseTimestamp: b.baseTs, MaxTimestamp: b.maxTs,
		ProducerID: b.ProducerID, ProducerEpoch: b.ProducerEpoch, BaseSequence: b.BaseSequence, Count: b.count,
	})
	return out
}

func bytesLen(p []byte) int {
	if p == nil {
		return varintLen(-1)
	}
	return varintLen(int64(len(p))) + len(p)
}

func appendBytes(dst, p []byte) []byte {
	if p == nil {
		return appendVarint(dst, -1)
	}
	return append(appendVarint(dst, int64(len(p))), p...)
}
