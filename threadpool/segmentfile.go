package threadpool

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/disk"
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
func openSegments(fs disk.FS, l *log.Log) error {
	for _, s := range l.Segments() {
		f, err := fs.Open(s.Path(l.Path()), os.O_RDWR|os.O_CREATE)
		if err != nil {
			return err
		}
		attach(s, f)
	}
	return nil
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
