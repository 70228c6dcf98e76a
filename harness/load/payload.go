package load

import (
	"encoding/binary"
	"hash/crc32"
)

// headerBytes is the oracle's header at the front of a record value; see the
// package comment for its layout.
const headerBytes = 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The stream and the sequence share 8 bytes.
const (
	sequenceBits = 48
	maxSequence  = 1<<sequenceBits - 1
)

// stamp writes the header of a value whose bytes after the header have the
// CRC-32C tail.
func stamp(value []byte, tail uint32, intendedNs int64, stream int, sequence uint64) {
	h := value[:headerBytes]
	binary.BigEndian.PutUint64(h[0:], uint64(intendedNs))
	binary.BigEndian.PutUint64(h[8:], uint64(stream)<<sequenceBits|sequence&maxSequence)
	binary.BigEndian.PutUint32(h[16:], crc32.Update(tail, castagnoli, h[:16]))
}

// tailCRC sums what of a value lies behind the header.
func tailCRC(value []byte) uint32 { return crc32.Checksum(value[headerBytes:], castagnoli) }

// unstamp reads the header of a value. ok is false when the CRC does not fit.
func unstamp(value []byte) (intendedNs int64, stream int, sequence uint64, ok bool) {
	h := value[:headerBytes]
	word := binary.BigEndian.Uint64(h[8:])
	ok = crc32.Update(tailCRC(value), castagnoli, h[:16]) == binary.BigEndian.Uint32(h[16:])
	return int64(binary.BigEndian.Uint64(h)), int(word >> sequenceBits), word & maxSequence, ok
}
