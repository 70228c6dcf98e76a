package batch

import "encoding/binary"

// SetOffsets writes what a leader assigns to the batch at the start of b: its
// base offset and the leader epoch. Both lie before the CRC, which stays valid.
func SetOffsets(b []byte, base int64, leaderEpoch int32) {
	_ = b[HeaderLen-1]
	binary.BigEndian.PutUint64(b[0:], uint64(base))
	binary.BigEndian.PutUint32(b[12:], uint32(leaderEpoch))
}

// SetMaxTimestamp makes the header tell the truth: timestampType (CreateTime or
// LogAppendTime) and the largest timestamp, in ms. b must be exactly one batch.
// Only when something changes does it touch the bytes and compute the CRC anew,
// which reads the whole batch; a truthful producer on a CreateTime topic costs
// nothing.
func SetMaxTimestamp(b []byte, timestampType int, maxMs int64) {
	was := binary.BigEndian.Uint16(b[21:])
	attr := was &^ logAppendTimeBit
	if timestampType == LogAppendTime {
		attr |= logAppendTimeBit
	}
	if attr == was && int64(binary.BigEndian.Uint64(b[35:])) == maxMs {
		return
	}
	binary.BigEndian.PutUint16(b[21:], attr)
	binary.BigEndian.PutUint64(b[35:], uint64(maxMs))
	binary.BigEndian.PutUint32(b[17:], Checksum(b))
}
