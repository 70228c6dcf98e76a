package threadpool

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
)

// segmentFile is the open file of a segment. Responses that are being sent
// refer to its descriptor, so it is closed by whoever lets go of it last. A
// Segment finds its own in Shell.
type segmentFile struct {
	file disk.File
	refs atomic.Int32
}

// attach gives a segment its open file.
func attach(s *log.Segment, f disk.File) {
	sf := &segmentFile{file: f}
	sf.refs.Store(1)
	s.File, s.Shell = f, sf
}

// openSegments opens the files of every segment of a log.
func (b *Broker) openSegments(l *log.Log) error {
	for _, s := range l.Segments() {
		if err := b.openSegment(l, s, s.Path(l.Path())); err != nil {
			return err
		}
	}
	return nil
}

// openSegment gives a segment the file at path, opened as the factor disk says.
func (b *Broker) openSegment(l *log.Log, s *log.Segment, path string) error {
	if !b.direct {
		f, err := b.fs.Open(path, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return err
		}
		attach(s, f)
		return nil
	}
	f, refused, err := b.openDirect(path, l, s)
	if err != nil {
		return err
	}
	if refused != "" {
		b.refused.Store(&refused)
	}
	attach(s, f)
	return nil
}

// piece is a range of the segment for a response, which takes over a reference
// to the file: a range of the file, or of memory if a direct file has it there.
func (f *segmentFile) piece(pos int64, n int) iobuf.Piece {
	if d := f.directOf(); d != nil {
		if w := d.window(pos, n); w != nil {
			f.Drop()
			return iobuf.Piece{B: w.at(pos)[:n:n], FD: -1, Len: n, Hold: w}
		}
	}
	return iobuf.Piece{FD: f.file.FD(), Off: pos, Len: n, Hold: f}
}

// closeSegments lets go of the files of every segment of a log.
func closeSegments(l *log.Log) {
	for _, s := range l.Segments() {
		if sf, ok := s.Shell.(*segmentFile); ok {
			sf.Drop()
		}
	}
}

// fileOf is the file of a segment that has one.
func fileOf(s *log.Segment) *segmentFile { return s.Shell.(*segmentFile) }

// hold adds a reference unless the file is closed already. Any thread.
func (f *segmentFile) hold() bool {
	for {
		n := f.refs.Load()
		if n == 0 {
			return false
		}
		if f.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Drop ends one reference. Any thread.
func (f *segmentFile) Drop() {
	switch n := f.refs.Add(-1); {
	case n == 0:
		_ = f.file.Close() // nothing is lost: whatever matters was synced, or is promised to the page cache only
	case n < 0:
		panic(fmt.Sprintf("threadpool: drop of a segment file with %d references, want at least 1", n+1))
	}
}
