package staging

import (
	"encoding/binary"
	"hash/crc32"
)

// Slot says what a live chunk holds.
type Slot struct {
	Topic       [16]byte // topic id
	Partition   int32
	SegBase     int64 // base offset of the segment
	Index       int64 // position in the segment divided by the chunk size
	EntryPos    int64 // position in the segment where reading may begin: a batch starts there, or will, perhaps in an earlier chunk
	EntryOffset int64 // and the offset of that batch
}

// The header of a slot. The state word is what makes it live.
const (
	slotTopicAt     = 8
	slotPartitionAt = 24
	slotBaseAt      = 32
	slotIndexAt     = 40
	slotEntryAt     = 48
	slotOffsetAt    = 56
	slotSumAt       = 64

	slotLive = 0x65766c2d746f6c73
)

// PutSlot makes a slot live. The state word goes first and comes last, so that
// a header cut short is a free one.
func PutSlot(b []byte, s *Slot) {
	le := binary.LittleEndian
	le.PutUint64(b, 0)
	copy(b[slotTopicAt:slotPartitionAt], s.Topic[:])
	le.PutUint64(b[slotPartitionAt:], uint64(uint32(s.Partition)))
	le.PutUint64(b[slotBaseAt:], uint64(s.SegBase))
	le.PutUint64(b[slotIndexAt:], uint64(s.Index))
	le.PutUint64(b[slotEntryAt:], uint64(s.EntryPos))
	le.PutUint64(b[slotOffsetAt:], uint64(s.EntryOffset))
	le.PutUint32(b[slotSumAt:], crc32.Checksum(b[slotTopicAt:slotSumAt], castagnoli))
	le.PutUint64(b, slotLive)
}

// ClearSlot makes a slot free. It leaves the page alone when it is.
func ClearSlot(b []byte) {
	if binary.LittleEndian.Uint64(b) != 0 {
		binary.LittleEndian.PutUint64(b, 0)
	}
}

// ParseSlot reads the header of a slot of a file with chunks of the given size.
// Not ok: it is free, or no sound header.
func ParseSlot(b []byte, chunkBytes int) (s Slot, ok bool) {
	le := binary.LittleEndian
	if len(b) < slotHeaderBytes || le.Uint64(b) != slotLive ||
		le.Uint32(b[slotSumAt:]) != crc32.Checksum(b[slotTopicAt:slotSumAt], castagnoli) {
		return s, false
	}
	s = Slot{
		Topic: [16]byte(b[slotTopicAt:slotPartitionAt]), Partition: int32(le.Uint32(b[slotPartitionAt:])),
		SegBase: int64(le.Uint64(b[slotBaseAt:])), Index: int64(le.Uint64(b[slotIndexAt:])),
		EntryPos: int64(le.Uint64(b[slotEntryAt:])), EntryOffset: int64(le.Uint64(b[slotOffsetAt:])),
	}
	const mostBytes = 1 << 31 // of a segment
	sound := s.Partition >= 0 && s.SegBase >= 0 && s.EntryOffset >= s.SegBase && s.EntryPos >= 0 &&
		s.Index >= 0 && s.Index < mostBytes/int64(chunkBytes) && s.EntryPos < (s.Index+1)*int64(chunkBytes)
	return s, sound
}

// GuardBytes is how many zeros lie behind the last batch of a live chunk, or up
// to the chunk's end: as much as [Part] stores after the rest of a batch.
const GuardBytes = 16

// Guard zeroes what follows position at of a chunk.
func Guard(chunk []byte, at int64) { clear(chunk[at:min(at+GuardBytes, int64(len(chunk)))]) }

// Parts is in how many steps a batch is stored.
const Parts = 4

// Part says which bytes of a batch of n the step-th step stores: everything
// behind the first sixteen bytes, the base offset, the leader epoch, and at last
// the length, without which there is no batch. None of these first three is
// covered by the batch's own checksum, so their order is what keeps a batch cut
// short from passing for a whole one.
func Part(step, n int) (from, to int) {
	switch step {
	case 0:
		return GuardBytes, n
	case 1:
		return 0, 8
	case 2:
		return 12, GuardBytes
	}
	return 8, 12
}
