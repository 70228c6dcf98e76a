package batch

import (
	"encoding/binary"
	"errors"
)

// HeaderLen is the size of a batch header in bytes.
const HeaderLen = 61

// lengthEnd is where the length field ends: a batch is this much longer than
// its length says.
const lengthEnd = 12

// crcStart is the first byte that the CRC covers.
const crcStart = 21

// The codecs of the attributes' low three bits.
const (
	CodecNone = iota
	CodecGzip
	CodecSnappy
	CodecLz4
	CodecZstd
)

// The timestamp types of attribute bit 3.
const (
	CreateTime = iota
	LogAppendTime
)

const (
	codecMask        = 0x07
	logAppendTimeBit = 1 << 3
	transactionalBit = 1 << 4
	controlBit       = 1 << 5
)

// Header is a decoded batch header. Timestamps are in ms since the epoch, -1
// for none; ProducerID, ProducerEpoch and BaseSequence are -1 without
// idempotence.
type Header struct {
	BaseOffset      int64
	Length          int32
	LeaderEpoch     int32
	Magic           int8
	CRC             uint32
	Attributes      int16
	LastOffsetDelta int32
	BaseTimestamp   int64
	MaxTimestamp    int64
	ProducerID      int64
	ProducerEpoch   int16
	BaseSequence    int32
	Count           int32
}

// What Parse refuses.
var (
	ErrShort  = errors.New("batch: fewer bytes than a header has")
	ErrMagic  = errors.New("batch: magic is not 2")
	ErrLength = errors.New("batch: length field below what a header needs")
)

// Parse decodes the header at the start of b, which needs HeaderLen bytes and
// may hold more or less than the batch. It does not look at the records and
// keeps no reference to b. On ErrMagic and ErrLength the fields are filled all
// the same, so that a caller can say what it found; without an error TotalLen
// is at least HeaderLen.
func Parse(b []byte, h *Header) error {
	if len(b) < HeaderLen {
		return ErrShort
	}
	b = b[:HeaderLen]
	h.BaseOffset = int64(binary.BigEndian.Uint64(b[0:]))
	h.Length = int32(binary.BigEndian.Uint32(b[8:]))
	h.LeaderEpoch = int32(binary.BigEndian.Uint32(b[12:]))
	h.Magic = int8(b[16])
	h.CRC = binary.BigEndian.Uint32(b[17:])
	h.Attributes = int16(binary.BigEndian.Uint16(b[21:]))
	h.LastOffsetDelta = int32(binary.BigEndian.Uint32(b[23:]))
	h.BaseTimestamp = int64(binary.BigEndian.Uint64(b[27:]))
	h.MaxTimestamp = int64(binary.BigEndian.Uint64(b[35:]))
	h.ProducerID = int64(binary.BigEndian.Uint64(b[43:]))
	h.ProducerEpoch = int16(binary.BigEndian.Uint16(b[51:]))
	h.BaseSequence = int32(binary.BigEndian.Uint32(b[53:]))
	h.Count = int32(binary.BigEndian.Uint32(b[57:]))
	if h.Magic != 2 {
		return ErrMagic
	}
	if h.Length < HeaderLen-lengthEnd {
		return ErrLength
	}
	return nil
}

// TotalLen is the size of the whole batch in bytes.
func (h *Header) TotalLen() int { return lengthEnd + int(h.Length) }

// LastOffset is the offset of the batch's last record.
func (h *Header) LastOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) }

// Codec is one of CodecNone to CodecZstd, or a number that no codec has.
func (h *Header) Codec() int { return int(h.Attributes & codecMask) }

// TimestampType is CreateTime or LogAppendTime.
func (h *Header) TimestampType() int {
	if h.Attributes&logAppendTimeBit != 0 {
		return LogAppendTime
	}
	return CreateTime
}

// IsTransactional reports whether the batch belongs to a transaction.
func (h *Header) IsTransactional() bool { return h.Attributes&transactionalBit != 0 }

// IsControl reports whether the batch holds a transaction marker.
func (h *Header) IsControl() bool { return h.Attributes&controlBit != 0 }

// HasProducer reports whether the batch carries sequence numbers.
func (h *Header) HasProducer() bool { return h.ProducerID >= 0 }
