package arena

import "github.com/ceteris/ceteris/models/iobuf"

// tag is what the arena writes into a buffer's Tag: where its memory lies.
//
//	63   52  │ 51 49   │ 48    │ 47 40 │ 39 32          │ 31 … 0
//	borrower │ purpose │ small │ slot  │ order or class │ page
type tag uint64

const smallBit = 1 << 48

const (
	purposeShift  = 49
	purposeMask   = 7 << purposeShift
	borrowerShift = 52
)

func spanTag(page, order int) tag { return tag(page) | tag(order)<<32 }

func smallTag(page, class, slot int) tag {
	return tag(page) | tag(class)<<32 | tag(slot)<<40 | smallBit
}

func (t tag) with(p Purpose) tag   { return t&^purposeMask | tag(p)<<purposeShift }
func (t tag) purpose() Purpose     { return Purpose(t >> purposeShift & 7) }
func (t tag) lentTo(shard int) tag { return t | tag(shard)<<borrowerShift }
func (t tag) borrower() int        { return int(t >> borrowerShift) }

// bytes is the size of what the tag stands for.
func (t tag) bytes() int64 {
	if t.small() {
		return int64(classBytes(t.class()))
	}
	return PageBytes << t.order()
}

func tagOf(b *iobuf.Buf) tag { return tag(b.Tag) }

func (t tag) page() int   { return int(uint32(t)) }
func (t tag) order() int  { return int(uint8(t >> 32)) }
func (t tag) class() int  { return int(uint8(t >> 32)) }
func (t tag) slot() int   { return int(uint8(t >> 40)) }
func (t tag) small() bool { return t&smallBit != 0 }

// headerChunk is how many Buf headers are made at a time. They are Go objects
// with pointers, so there are only as many as buffers were ever live at once.
const headerChunk = 64

// header takes a free Buf header, making a chunk of them when there is none.
func (a *Arena) header() *iobuf.Buf {
	if a.headers == nil {
		chunk := make([]iobuf.Buf, headerChunk)
		for i := range chunk {
			a.putHeader(&chunk[i])
		}
		a.n.headers += headerChunk
	}
	b := a.headers
	a.headers = b.Next
	return b
}

func (a *Arena) putHeader(b *iobuf.Buf) {
	b.B = nil
	b.Next = a.headers
	a.headers = b
}

// quickOrders covers spans of 4 to 128 KiB, the sizes of the data path.
const quickOrders = 6

// quickList is a short stack of free spans of one size, header and all.
type quickList struct {
	top   *iobuf.Buf
	n     int
	limit int
}

func (q *quickList) pop() *iobuf.Buf {
	b := q.top
	if b != nil {
		q.top, b.Next = b.Next, nil
		q.n--
	}
	return b
}

func (q *quickList) push(b *iobuf.Buf) bool {
	if q.n >= q.limit {
		return false
	}
	b.Next, q.top = q.top, b
	q.n++
	return true
}
