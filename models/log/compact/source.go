package compact

import (
	"fmt"
	"os"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// pieceBytes is how much a step reads, computes with and writes, unless one batch
// alone is larger: some hundred microseconds of a core, against a shard's quota
// of 500 for a task.
const pieceBytes = 64 << 10

// source reads segments batch by batch, in pieces. It opens the files itself:
// those of the shell may be for direct I/O.
type source struct {
	fs   disk.FS
	dir  string
	segs []*log.Segment
	f    disk.File // of segs[0], nil while it is not open
	pos  int64     // of the next batch in it
	buf  []byte
	have int
}

// fill reads the next piece, whole batches for the most part. False when there
// is nothing left. Blocks.
func (s *source) fill() (bool, error) {
	s.have = 0
	for len(s.segs) > 0 && s.pos >= s.segs[0].Size() {
		if err := s.close(); err != nil {
			return false, err
		}
		s.segs, s.pos = s.segs[1:], 0
	}
	if len(s.segs) == 0 {
		return false, nil
	}
	seg := s.segs[0]
	if s.f == nil {
		f, err := s.fs.Open(seg.Path(s.dir), os.O_RDONLY)
		if err != nil {
			return false, err
		}
		s.f = f
	}
	left := seg.Size() - s.pos
	if err := s.read(int(min(left, pieceBytes))); err != nil {
		return false, err
	}
	var h batch.Header
	if err := batch.Parse(s.buf[:s.have], &h); err != nil {
		return false, s.bad(err)
	}
	switch n := h.TotalLen(); {
	case int64(n) > left:
		return false, s.bad(batch.ErrShort)
	case n > s.have:
		return true, s.read(n)
	}
	return true, nil
}

func (s *source) read(n int) error {
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	got, err := s.f.ReadAt(s.buf[:n], s.pos)
	if got < n {
		return fmt.Errorf("%s: %d of %d bytes at %d: %w", s.segs[0].Path(s.dir), got, n, s.pos, err)
	}
	s.have = n
	return nil
}

func (s *source) bad(err error) error {
	return fmt.Errorf("%s: batch at byte %d: %w", s.segs[0].Path(s.dir), s.pos, err)
}

// each calls f with every whole batch of the piece, until f says no more. Broken
// batches are an error: nothing is to be concluded from what they hold.
func (s *source) each(f func(b []byte, h *batch.Header) (bool, error)) (more bool, err error) {
	var h batch.Header
	for at := 0; at < s.have; {
		b := s.buf[at:s.have]
		if batch.Parse(b, &h) == batch.ErrShort || h.TotalLen() > len(b) {
			break // the rest of it comes with the next piece
		}
		if err := batch.Intact(b, &h); err != nil {
			return false, s.bad(err)
		}
		more, err := f(b[:h.TotalLen()], &h)
		if err != nil {
			return false, s.bad(err)
		}
		if !more {
			return false, nil
		}
		at += h.TotalLen()
		s.pos += int64(h.TotalLen())
	}
	return true, nil
}

// close blocks.
func (s *source) close() error {
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f = nil
	return f.Close()
}
