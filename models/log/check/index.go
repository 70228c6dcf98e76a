package check

import (
	"encoding/binary"
	"fmt"
	"io/fs"
)

// maxIndexBytes bounds the index files that are read into memory; Kafka's own
// default limit is 10 MiB.
const maxIndexBytes = 256 << 20

// entry is one entry of either index.
type entry struct {
	at     int64 // where in the index file, bytes
	offset int64
	pos    int64 // .index: start of the batch in the .log
	ts     int64 // .timeindex: ms
}

// entries are those of one index that may be compared with the log: in rising
// order. What was wrong with others is in problems.
type entries struct {
	path     string
	list     []entry
	i        int // the first that no batch was compared with
	problems []problem
}

type problem struct {
	at   int64
	text string
}

func (e *entries) bad(at int64, format string, args ...any) {
	e.problems = append(e.problems, problem{at, fmt.Sprintf(format, args...)})
}

// readIndex reads the .index of a segment.
func (c *checker) readIndex(s *segment) (*entries, error) {
	const size = 8
	e, b, err := c.load(s, ".index", size)
	if err != nil {
		return nil, err
	}
	last := entry{offset: -1, pos: -1}
	for i := 0; i+size <= len(b); i += size {
		rel, pos := int32(binary.BigEndian.Uint32(b[i:])), int32(binary.BigEndian.Uint32(b[i+4:]))
		x := entry{at: int64(i), offset: s.base + int64(rel), pos: int64(pos)}
		if i > 0 && rel == 0 {
			// Here Kafka stops reading: it takes the rest for preallocated.
			e.padding(s, b[i:], x)
			break
		}
		if rel < 0 || x.offset <= last.offset || x.pos <= last.pos {
			e.bad(x.at, "offset %d at position %d does not follow offset %d at position %d", x.offset, x.pos, last.offset, last.pos)
			continue
		}
		e.list = append(e.list, x)
		last = x
	}
	return e, nil
}

// readTimeIndex reads the .timeindex of a segment.
func (c *checker) readTimeIndex(s *segment) (*entries, error) {
	const size = 12
	e, b, err := c.load(s, ".timeindex", size)
	if err != nil {
		return nil, err
	}
	last := entry{offset: -1, ts: -1}
	for i := 0; i+size <= len(b); i += size {
		ts, rel := int64(binary.BigEndian.Uint64(b[i:])), int32(binary.BigEndian.Uint32(b[i+8:]))
		x := entry{at: int64(i), offset: s.base + int64(rel), ts: ts}
		if ts == 0 && rel == 0 && i > 0 {
			e.padding(s, b[i:], x)
			break
		}
		if rel < 0 || ts <= last.ts || x.offset <= last.offset {
			e.bad(x.at, "timestamp %d of offset %d does not follow timestamp %d of offset %d", ts, x.offset, last.ts, last.offset)
			continue
		}
		e.list = append(e.list, x)
		last = x
	}
	return e, nil
}

func (c *checker) load(s *segment, suffix string, size int) (*entries, []byte, error) {
	e := &entries{path: segmentPath(s.dir, s.base, suffix)}
	info, err := fs.Stat(c.files, e.path)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > maxIndexBytes {
		e.bad(0, "%d bytes are more than an index has; not read", info.Size())
		return e, nil, nil
	}
	b, err := fs.ReadFile(c.files, e.path)
	if err != nil {
		return nil, nil, err
	}
	if len(b)%size != 0 {
		e.bad(int64(len(b)/size*size), "%d bytes follow the last entry; want entries of %d", len(b)%size, size)
	}
	return e, b, nil
}

// padding judges what follows an entry that reads as zero.
func (e *entries) padding(s *segment, rest []byte, x entry) {
	switch {
	case !allZero(rest):
		e.bad(x.at, "entry for relative offset 0 behind others; readers stop here")
	case s.sealed:
		e.bad(x.at, "%d bytes of zeros, want none in a sealed segment", len(rest))
	}
}

// atBatch compares .index entries with the next batch of the log.
func (e *entries) atBatch(b *seen) {
	for ; e.i < len(e.list) && e.list[e.i].pos <= b.pos; e.i++ {
		x := &e.list[e.i]
		if x.pos < b.pos {
			e.bad(x.at, "no batch starts at position %d, where offset %d should be", x.pos, x.offset)
		} else if x.offset != b.last {
			e.bad(x.at, "the batch at position %d ends at offset %d, the entry says %d", x.pos, b.last, x.offset)
		}
	}
}

// endBatch compares .timeindex entries with the next batch of the log.
func (e *entries) endBatch(b *seen) {
	for ; e.i < len(e.list) && e.list[e.i].offset <= b.last; e.i++ {
		x := &e.list[e.i]
		if x.offset < b.last {
			e.bad(x.at, "no batch ends at offset %d, to which timestamp %d belongs", x.offset, x.ts)
		} else if b.maxTs != -2 && x.ts != b.maxTs {
			e.bad(x.at, "the batch that ends at offset %d has largest timestamp %d, the entry says %d", x.offset, b.maxTs, x.ts)
		}
	}
}

// finishIndex reports on the .index after the log was read up to end. When the
// log broke off there, the entries beyond cannot be judged: its own line says so.
func (e *entries) finishIndex(c *checker, end int64, broken bool) {
	if !broken {
		for _, x := range e.list[e.i:] {
			e.bad(x.at, "position %d, where offset %d should be, is not in the %d bytes of batches", x.pos, x.offset, end)
		}
	}
	e.report(c)
}

// finishTimes reports on the .timeindex. maxTs is the log's largest timestamp.
func (e *entries) finishTimes(c *checker, s *segment, maxTs int64, broken bool) {
	if !broken {
		for _, x := range e.list[e.i:] {
			e.bad(x.at, "no batch ends at offset %d, to which timestamp %d belongs", x.offset, x.ts)
		}
	}
	if s.sealed && !broken && maxTs >= 0 {
		if n := len(e.list); n == 0 {
			e.bad(0, "no entries; that of a sealed segment ends with its largest timestamp, %d", maxTs)
		} else if last := &e.list[n-1]; last.ts < maxTs {
			e.bad(last.at, "the last entry has timestamp %d, the largest of the sealed segment is %d", last.ts, maxTs)
		}
	}
	e.report(c)
}

func (e *entries) report(c *checker) {
	c.file(e.path)
	for _, p := range e.problems {
		c.bad(p.at, "%s", p.text)
	}
}
