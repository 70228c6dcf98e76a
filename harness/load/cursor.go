package load

import "encoding/binary"

// cursor reads big-endian fields of one response. A read beyond the end sets
// bad and yields zeros, so that a parser checks once.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.bad, c.b = true, nil
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) i16() int16 {
	if b := c.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (c *cursor) i32() int32 {
	if b := c.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (c *cursor) i64() int64 {
	if b := c.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return v
}

// compact reads a compact byte string or array length; null is 0 here.
func (c *cursor) compact() int {
	v := c.uvarint()
	if v == 0 {
		return 0
	}
	if v-1 > uint64(len(c.b)) { // every element takes at least a byte
		c.bad, c.b = true, nil
		return 0
	}
	return int(v - 1)
}

// tags skips a tagged-field section.
func (c *cursor) tags() {
	for n := c.uvarint(); n > 0 && !c.bad; n-- {
		c.uvarint()
		size := c.uvarint()
		if size > uint64(len(c.b)) {
			c.bad, c.b = true, nil
			return
		}
		c.take(int(size))
	}
}
