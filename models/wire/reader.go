package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// reader walks a request. The first thing that is wrong stops it: bad says
// what, off where, and everything read afterwards is zero.
type reader struct {
	b   []byte
	off int
	bad string
}

// fail returns the error of a reader that stopped, nil for one that did not.
func (r *reader) fail(of string) error {
	if r.bad == "" {
		return nil
	}
	return fmt.Errorf("wire: %s: %s at byte %d of %d", of, r.bad, r.off, len(r.b))
}

func (r *reader) left() int { return len(r.b) - r.off }

func (r *reader) stop(what string) {
	if r.bad == "" {
		r.bad = what
	}
}

// span takes n bytes, aliasing the request.
func (r *reader) span(n int) []byte {
	if r.bad != "" {
		return nil
	}
	if n < 0 || n > r.left() {
		r.stop("ends too early")
		return nil
	}
	s := r.b[r.off : r.off+n : r.off+n]
	r.off += n
	return s
}

func (r *reader) int8() int8 {
	if s := r.span(1); s != nil {
		return int8(s[0])
	}
	return 0
}

func (r *reader) int16() int16 {
	if s := r.span(2); s != nil {
		return int16(binary.BigEndian.Uint16(s))
	}
	return 0
}

func (r *reader) int32() int32 {
	if s := r.span(4); s != nil {
		return int32(binary.BigEndian.Uint32(s))
	}
	return 0
}

func (r *reader) int64() int64 {
	if s := r.span(8); s != nil {
		return int64(binary.BigEndian.Uint64(s))
	}
	return 0
}

func (r *reader) uuid() (id [16]byte) {
	copy(id[:], r.span(16))
	return id
}

// uvarint is an unsigned 32-bit number in at most five bytes.
func (r *reader) uvarint() int {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		s := r.span(1)
		if s == nil {
			return 0
		}
		v |= uint64(s[0]&0x7f) << shift
		if s[0] < 0x80 {
			if v > math.MaxUint32 {
				break
			}
			return int(v)
		}
	}
	r.stop("a variable-length number above 32 bits")
	return 0
}

// nullableBytes is nil for null and not nil for empty.
func (r *reader) nullableBytes(flexible bool) []byte {
	n := 0
	if flexible {
		n = r.uvarint() - 1
	} else {
		n = int(r.int32())
	}
	return r.nullable(n)
}

// nullableString is nil for null and not nil for empty.
func (r *reader) nullableString(flexible bool) []byte {
	n := 0
	if flexible {
		n = r.uvarint() - 1
	} else {
		n = int(r.int16())
	}
	return r.nullable(n)
}

func (r *reader) nullable(n int) []byte {
	switch {
	case r.bad != "" || n == -1:
		return nil
	case n < -1:
		r.stop("a negative length")
		return nil
	}
	return r.span(n)
}

func (r *reader) string(flexible bool) []byte {
	s := r.nullableString(flexible)
	if s == nil {
		r.stop("null where a string belongs")
	}
	return s
}

// count is the length of an array that cannot be null. Each of its elements
// takes at least minBytes, so a count that the rest cannot hold is refused
// before anyone makes room for it.
func (r *reader) count(flexible bool, minBytes int) int {
	n := r.nullableCount(flexible, minBytes)
	if n < 0 {
		r.stop("null where an array belongs")
		return 0
	}
	return n
}

// nullableCount is count for an array that may be null, which is -1.
func (r *reader) nullableCount(flexible bool, minBytes int) int {
	n := 0
	if flexible {
		n = r.uvarint() - 1
	} else {
		n = int(r.int32())
	}
	switch {
	case r.bad != "":
		return 0
	case n < -1:
		r.stop("a negative count")
		return 0
	case n > r.left()/minBytes:
		r.stop("an array with more elements than bytes are left")
		return 0
	}
	return n
}

// tags is how many tagged fields follow, each of which takes two bytes.
func (r *reader) tags() int {
	n := r.uvarint()
	if r.bad == "" && n > r.left()/2 {
		r.stop("more tagged fields than bytes are left")
		return 0
	}
	return n
}

// tag reads one tagged field.
func (r *reader) tag() (number int, value []byte) {
	number = r.uvarint()
	return number, r.span(r.uvarint())
}

func (r *reader) skipTags() {
	for n := r.tags(); n > 0 && r.bad == ""; n-- {
		r.tag()
	}
}
