package iobuf

// Piece is one part of a response: memory, or a range of a file.
type Piece struct {
	B   []byte // memory; nil for a file range
	Buf *Buf   // what keeps B alive, nil when the chain's own head does
	FD  int    // file descriptor of a file range, -1 for memory
	Off int64  // where the range starts, bytes
	Len int    // bytes in the piece, whichever kind it is
	// Hold keeps a file range's descriptor open until the piece is released.
	Hold Holder
}

// Holder is something a file range depends on, released with its piece.
type Holder interface{ Drop() }

// Chain is a response as a sequence of pieces. The zero value is empty. It is
// reused through Reset, which keeps the slice.
type Chain struct {
	Pieces []Piece
	Bytes  int // sum of the pieces' lengths
}

// AppendBytes adds memory that the caller keeps alive until the chain is sent.
func (c *Chain) AppendBytes(b []byte) {
	if len(b) == 0 {
		return
	}
	c.Pieces = append(c.Pieces, Piece{B: b, FD: -1, Len: len(b)})
	c.Bytes += len(b)
}

// AppendBuf adds a part of buf and takes over one reference to it.
func (c *Chain) AppendBuf(buf *Buf, part []byte) {
	c.Pieces = append(c.Pieces, Piece{B: part, Buf: buf, FD: -1, Len: len(part)})
	c.Bytes += len(part)
}

// AppendFile adds a file range and takes over hold, which may be nil.
func (c *Chain) AppendFile(fd int, off int64, n int, hold Holder) {
	c.Pieces = append(c.Pieces, Piece{FD: fd, Off: off, Len: n, Hold: hold})
	c.Bytes += n
}

// Append adds a ready piece and takes over what it holds.
func (c *Chain) Append(p Piece) {
	c.Pieces = append(c.Pieces, p)
	c.Bytes += p.Len
}

// Reset releases every piece and empties the chain. at is the allocator of the
// calling thread.
func (c *Chain) Reset(at Allocator) {
	for i := range c.Pieces {
		c.Pieces[i].Release(at)
		c.Pieces[i] = Piece{}
	}
	c.Pieces, c.Bytes = c.Pieces[:0], 0
}

// Release gives back what the piece holds.
func (p *Piece) Release(at Allocator) {
	if p.Buf != nil {
		p.Buf.Release(at)
		p.Buf = nil
	}
	if p.Hold != nil {
		p.Hold.Drop()
		p.Hold = nil
	}
}
