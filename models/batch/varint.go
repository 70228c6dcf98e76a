package batch

import "math/bits"

// Positions below 0 say that a varint ran out of bytes or out of range. A
// caller may go on and look once at the end, since reading from a negative
// position yields a negative one again.

// uvarint reads an unsigned varint of at most 64 bits at p[i]. It returns the
// value and the position after it, or -1. One byte is by far the most frequent.
func uvarint(p []byte, i int) (uint64, int) {
	if uint(i) < uint(len(p)) && p[i] < 0x80 {
		return uint64(p[i]), i + 1
	}
	return longUvarint(p, i)
}

func longUvarint(p []byte, i int) (uint64, int) {
	if i < 0 {
		return 0, -1
	}
	var x uint64
	for shift := uint(0); shift < 70 && i < len(p); shift += 7 {
		c := p[i]
		i++
		if shift == 63 && c > 1 {
			return 0, -1
		}
		x |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return x, i
		}
	}
	return 0, -1
}

// unzigzag maps 0, 1, 2, 3 … back to 0, -1, 1, -2 …
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// zigzag is the inverse of unzigzag.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// maxZigzag32 is the largest zig-zag encoding of an int32.
const maxZigzag32 = 1<<32 - 1

// varintLen is the number of bytes that v takes as a zig-zag varint.
func varintLen(v int64) int { return (bits.Len64(zigzag(v)|1) + 6) / 7 }

// appendVarint appends v as a zig-zag varint.
func appendVarint(dst []byte, v int64) []byte {
	u := zigzag(v)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}
