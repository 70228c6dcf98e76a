package batch

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kerr"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The protocol's codes, resolved once: kerr keeps them behind pointers.
var (
	codeCorrupt     = kerr.CorruptMessage.Code
	codeInvalid     = kerr.InvalidRecord.Code
	codeCompression = kerr.UnsupportedCompressionType.Code
	codeTooLarge    = kerr.MessageTooLarge.Code
	codeTimestamp   = kerr.InvalidTimestamp.Code
)

// ErrChecksum is Intact's finding that the stored CRC is not that of the bytes.
var ErrChecksum = errors.New("batch: CRC-32C does not match")

// Checksum is the CRC-32C of the part of a whole batch that the CRC covers. b
// needs at least HeaderLen bytes and must be exactly the batch.
func Checksum(b []byte) uint32 { return crc32.Checksum(b[crcStart:], castagnoli) }

// Intact checks a stored batch, whoever wrote it: b starts with a whole batch
// of format 2 whose CRC matches. It decodes the header into h. Recovery and
// followers use it; what a producer sends must pass Check.
func Intact(b []byte, h *Header) error {
	if err := Parse(b, h); err != nil {
		return err
	}
	if len(b) < h.TotalLen() {
		return ErrShort
	}
	if Checksum(b[:h.TotalLen()]) != h.CRC {
		return ErrChecksum
	}
	return nil
}

// Check decides whether b is one batch as a producer may send it, filling b
// exactly, and decodes its header into h. It looks at everything but the
// records and needs no state, so it runs before any lock is taken. It returns a
// code of the protocol, 0 when all is well. maxBytes is the topic's
// max.message.bytes.
func Check(b []byte, h *Header, maxBytes int) int16 {
	code, _ := CheckWhy(b, h, maxBytes)
	return code
}

// CheckWhy is Check with the reason in words, for the error message of the
// response. The reason is a constant: refusing allocates nothing.
func CheckWhy(b []byte, h *Header, maxBytes int) (int16, string) {
	if code, why := frame(b); code != 0 {
		return code, why
	}
	if err := Parse(b, h); err != nil {
		// The frame was sound, so only the length can be: too short for a header.
		return codeCorrupt, "batch is shorter than its header"
	}
	switch {
	case h.BaseOffset != 0:
		return codeInvalid, "base offset of a produced batch is not 0"
	case len(b) > maxBytes:
		return codeTooLarge, "batch is larger than max.message.bytes"
	case Checksum(b) != h.CRC:
		return codeCorrupt, "CRC-32C does not match"
	case h.Codec() > CodecZstd:
		return codeCompression, "compression codec is unknown"
	case h.Count <= 0:
		return codeInvalid, "batch states no records"
	case h.LastOffsetDelta != h.Count-1:
		return codeInvalid, "last offset delta is not the record count less one"
	case h.IsControl():
		return codeInvalid, "clients may not write control batches"
	case h.HasProducer() && (h.BaseSequence < 0 || h.ProducerEpoch < 0):
		return codeInvalid, "producer id without epoch or sequence"
	case h.IsTransactional() && !h.HasProducer():
		return codeInvalid, "transactional batch without a producer id"
	case h.TimestampType() == LogAppendTime:
		return codeTimestamp, "clients may not claim log append time"
	}
	return 0, ""
}

// frame checks what must hold before the fields of a header may be trusted:
// exactly one batch of format 2. The order is Kafka's.
func frame(b []byte) (int16, string) {
	const magicEnd = 17       // enough to know length and magic of every format
	const smallestLength = 14 // a message of format 0 with neither key nor value
	if len(b) < magicEnd {
		return codeInvalid, "no record batch"
	}
	length := int64(int32(binary.BigEndian.Uint32(b[8:])))
	switch {
	case length < smallestLength:
		return codeCorrupt, "length field below that of any batch"
	case lengthEnd+length > int64(len(b)):
		return codeInvalid, "batch is truncated"
	case b[16] != 2:
		return codeInvalid, "magic is not 2"
	case lengthEnd+length < int64(len(b)):
		return codeInvalid, "more than one batch for a partition"
	}
	return 0, ""
}
