package check

import (
	"bufio"
	"errors"
	"io"

	"github.com/ceteris/ceteris/models/batch"
)

// segment is one .log to read and what of it to report on.
type segment struct {
	dir    string
	base   int64
	next   int64 // base of the segment behind it, -1 when there is none or it is not known
	sealed bool
	log    bool // report on the .log
	index  bool // report on the .index
	times  bool // report on the .timeindex
	gaps   bool // compaction may have taken records out of it
}

// readBytes is how much of a .log is read at a time, at most.
const readBytes = 1 << 20

// segment reads the .log once, from front to back, and lays the entries of the
// indexes beside it, which are in the same order. Nothing is kept per batch.
func (c *checker) segment(s *segment) error {
	path := segmentPath(s.dir, s.base, ".log")
	f, err := c.files.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	// Problems are printed file by file, so the indexes' wait until the log is read.
	index, times := &entries{}, &entries{}
	if s.index {
		if index, err = c.readIndex(s); err != nil {
			return err
		}
	}
	if s.times {
		if times, err = c.readTimeIndex(s); err != nil {
			return err
		}
	}
	c.file(path)
	walk := walker{c: c, s: s, size: info.Size(), in: bufio.NewReaderSize(f, int(min(info.Size(), readBytes))), expect: s.base, epoch: -1, maxTs: -1}
	for walk.pos < walk.size {
		b, err := walk.next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		index.atBatch(b)
		times.endBatch(b)
	}
	if s.log && !walk.broken && s.next >= 0 && walk.expect != s.next && !(s.gaps && walk.expect < s.next) {
		c.bad(walk.pos, "the segment ends before offset %d, the next one begins at %d", walk.expect, s.next)
	}
	if s.index {
		index.finishIndex(c, walk.pos, walk.broken)
	}
	if s.times {
		times.finishTimes(c, s, walk.maxTs, walk.broken)
	}
	return nil
}

// seen is a batch as the indexes see it.
type seen struct {
	pos, last int64
	maxTs     int64 // largest timestamp of any record, -2 when the records do not parse
}

// walker goes through the batches of a .log.
type walker struct {
	c      *checker
	s      *segment
	in     *bufio.Reader
	pos    int64 // where the next batch starts
	size   int64
	expect int64 // its offset
	epoch  int32
	maxTs  int64
	broken bool // the rest cannot be read
	batch  seen
}

func (w *walker) bad(format string, args ...any) {
	if w.s.log {
		w.c.bad(w.pos, format, args...)
	}
}

// next reads one batch and reports on it. It returns nil at the first byte that
// cannot be the start of a batch.
func (w *walker) next() (*seen, error) {
	rest := w.size - w.pos
	head, err := w.in.Peek(int(min(batch.HeaderLen, rest)))
	if err != nil {
		return nil, err
	}
	var h batch.Header
	err = batch.Parse(head, &h)
	switch {
	case allZero(head):
		w.bad("%d bytes that begin with zeros follow the last batch, want the end of the file", rest)
	case errors.Is(err, batch.ErrShort):
		w.bad("%d bytes are left, a batch has at least %d", rest, batch.HeaderLen)
	case errors.Is(err, batch.ErrMagic):
		w.bad("magic is %d, want 2; the remaining %d bytes are not read", h.Magic, rest)
	case err != nil:
		w.bad("batch length is %d, want at least %d; the remaining %d bytes are not read", h.Length, batch.HeaderLen-12, rest)
	case int64(h.TotalLen()) > rest:
		w.bad("batch has %d bytes, the file %d more", h.TotalLen(), rest)
		err = io.ErrUnexpectedEOF
	}
	if err != nil || allZero(head) {
		w.broken = true
		return nil, nil
	}
	if cap(w.c.buf) < h.TotalLen() {
		w.c.buf = make([]byte, h.TotalLen())
	}
	b := w.c.buf[:h.TotalLen()]
	if _, err := io.ReadFull(w.in, b); err != nil {
		return nil, err
	}
	w.content(b, &h)
	w.batch.pos, w.batch.last = w.pos, h.LastOffset()
	w.pos += int64(h.TotalLen())
	w.expect = h.LastOffset() + 1
	return &w.batch, nil
}

// content checks a batch that was read whole.
func (w *walker) content(b []byte, h *batch.Header) {
	w.batch.maxTs = -2
	if h.BaseOffset < w.expect || h.BaseOffset > w.expect && !w.s.gaps {
		w.bad("batch has base offset %d, want %d", h.BaseOffset, w.expect)
	}
	if h.LeaderEpoch < w.epoch {
		w.bad("leader epoch is %d, that of an earlier batch %d", h.LeaderEpoch, w.epoch)
	}
	w.epoch = max(w.epoch, h.LeaderEpoch)
	if sum := batch.Checksum(b); sum != h.CRC {
		w.bad("CRC-32C is %08x, the header says %08x", sum, h.CRC)
		return // whatever the records hold is noise
	}
	if w.s.gaps {
		w.compacted(b, h)
		return
	}
	if h.Count < 1 || h.LastOffsetDelta != h.Count-1 {
		w.bad("%d records with last offset delta %d, want %d", h.Count, h.LastOffsetDelta, h.Count-1)
	}
	ts, _, code := w.c.v.Walk(b, h)
	if code != 0 {
		why, record := w.c.v.Why()
		if record < 0 {
			w.bad("%s", why)
		} else {
			w.bad("record %d (offset %d): %s", record, h.BaseOffset+int64(record), why)
		}
		return
	}
	if ts != h.MaxTimestamp {
		w.bad("largest record timestamp is %d, the header says %d", ts, h.MaxTimestamp)
	}
	w.batch.maxTs = ts
	w.maxTs = max(w.maxTs, ts)
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
