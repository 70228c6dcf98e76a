package log

import (
	"errors"
	"hash/crc32"
	"io"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// walkWindow is how much of a segment recovery holds at a time, bytes.
const walkWindow = 1 << 20

// crcFrom is where in a batch the bytes begin that its CRC covers.
const crcFrom = 21

// walker goes through a segment's file batch by batch.
type walker struct {
	f    disk.File
	end  int64 // where to stop, bytes
	buf  []byte
	from int64 // position of buf[0]
	have int   // valid bytes in buf
	read int64 // bytes read so far
}

func (w *walker) open(f disk.File, end int64) {
	w.f, w.end, w.from, w.have = f, end, 0, 0
}

// errBad is what a walker answers where no sound batch begins.
var errBad = errors.New("log: no sound batch")

// at reads the header of the batch at pos and, with verify, checks its CRC. It
// returns errBad when there is no whole batch, and other errors of the disk.
func (w *walker) at(pos int64, verify bool, h *batch.Header) error {
	head, err := w.window(pos, batch.HeaderLen)
	if err != nil {
		return err
	}
	if batch.Parse(head, h) != nil || pos+int64(h.TotalLen()) > w.end || h.BaseOffset < 0 || h.LastOffsetDelta < 0 {
		return errBad
	}
	if !verify {
		return nil
	}
	crc, left := uint32(0), h.TotalLen()-crcFrom
	for at := pos + crcFrom; left > 0; {
		b, err := w.window(at, min(left, walkWindow))
		if err != nil {
			return err
		}
		crc = crc32.Update(crc, castagnoli, b)
		at += int64(len(b))
		left -= len(b)
	}
	if crc != h.CRC {
		return errBad
	}
	return nil
}

// window returns n bytes at pos; n is at most walkWindow.
func (w *walker) window(pos int64, n int) ([]byte, error) {
	if pos+int64(n) > w.end {
		return nil, errBad
	}
	if pos < w.from || pos+int64(n) > w.from+int64(w.have) {
		want := int(min(walkWindow, w.end-pos))
		if cap(w.buf) < want {
			w.buf = make([]byte, want)
		}
		got, err := w.f.ReadAt(w.buf[:want], pos)
		w.read += int64(got)
		if got < want {
			if err == nil || errors.Is(err, io.EOF) {
				err = errBad // shorter than it was a moment ago
			}
			return nil, err
		}
		w.from, w.have = pos, want
	}
	at := int(pos - w.from)
	return w.buf[at : at+n], nil
}

// used is the number of bytes from pos up to the last that is not zero: blocks
// written ahead of the end are not content.
func (w *walker) used(pos int64) (int64, error) {
	last := pos
	for at := pos; at < w.end; {
		b, err := w.window(at, int(min(walkWindow, w.end-at)))
		if err != nil {
			return 0, err
		}
		for i := len(b) - 1; i >= 0; i-- {
			if b[i] != 0 {
				last = at + int64(i) + 1
				break
			}
		}
		at += int64(len(b))
	}
	return last - pos, nil
}
