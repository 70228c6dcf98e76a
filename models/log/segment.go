package log

import (
	"fmt"
	"path/filepath"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/disk"
)

// Segment is one .log file with its two indexes. The writer appends to the
// active one; any thread may read what lies below a limit it was given.
type Segment struct {
	Base int64 // offset of the first record, and the file's name
	// File is set by the shell that opened it, before anything in the segment
	// is below a limit that readers use, and closed by that shell.
	File disk.File
	// Shell is whatever the shell wants to find again from a segment.
	Shell any

	size    atomic.Int64 // bytes that hold batches
	maxTs   atomic.Int64 // largest record timestamp, ms; -1 when there is none
	sealed  atomic.Bool
	dropped atomic.Bool
	index   table[offsetEntry]
	times   table[timeEntry]

	// What follows belongs to the writer.
	maxTsOffset int64  // last offset of the batch that holds maxTs
	firstTs     int64  // max timestamp of the first batch, from which age is counted; -1 when unknown
	bornMs      int64  // wall clock of the first append; 0 when it was before this process
	sinceIndex  int    // bytes since the last index entry
	snapshot    []byte // producer state at the end of a sealed segment, until its file is written
	snapshotAt  int64
	next        *Segment // the one that was rolled to, as long as there is a snapshot to write at its base
}

func newSegment(base int64) *Segment {
	s := &Segment{Base: base, firstTs: -1, maxTsOffset: base}
	s.maxTs.Store(-1)
	return s
}

// Size is the number of bytes that hold batches. A file may be longer (blocks
// written ahead) but never shorter. Any thread.
func (s *Segment) Size() int64 { return s.size.Load() }

// Sealed reports whether the segment has stopped growing. Any thread.
func (s *Segment) Sealed() bool { return s.sealed.Load() }

// MaxTimestampMs is the largest record timestamp, -1 when there is none. Any thread.
func (s *Segment) MaxTimestampMs() int64 { return s.maxTs.Load() }

// Path is the segment's .log file in the directory of its log.
func (s *Segment) Path(dir string) string { return segmentPath(dir, s.Base, ".log") }

func segmentPath(dir string, base int64, suffix string) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", base, suffix))
}

// SegmentPath is the file of the batches from base on, in the log's directory.
func SegmentPath(dir string, base int64) string { return segmentPath(dir, base, ".log") }

// note takes one appended batch into the indexes, by Kafka's rule: the batch
// that finds more than the interval since the last entry is the one indexed,
// by its last offset, at its start.
func (s *Segment) note(last, pos int64, length int, maxTs int64, interval int) {
	if maxTs > s.maxTs.Load() {
		s.maxTsOffset = last
		s.maxTs.Store(maxTs)
	}
	if s.sinceIndex > interval {
		s.index.add(offsetEntry{rel: int32(last - s.Base), pos: int32(pos)})
		s.noteTime()
		s.sinceIndex = 0
	}
	s.sinceIndex += length
}

// noteTime adds the maximum so far to the time index unless it is there already.
func (s *Segment) noteTime() {
	ts := s.maxTs.Load()
	if n := s.times.len(); ts >= 0 && (n == 0 || ts > s.times.at(n-1).ts) {
		s.times.add(timeEntry{ts: ts, rel: int32(s.maxTsOffset - s.Base)})
	}
}

// Entries is how many entries the two indexes have. Any thread.
func (s *Segment) Entries() (offsets, times int) { return s.index.len(), s.times.len() }

// IndexBytes is the size of an index with n entries.
func IndexBytes(n int) int { return n * offsetEntryBytes }

// TimeIndexBytes is the size of a time index with n entries.
func TimeIndexBytes(n int) int { return n * timeEntryBytes }
