package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/ceteris/ceteris/models/disk"
)

// CreateSegment creates the file of a fresh segment in its log's directory and
// makes its name durable. It fails when the file exists. The shell owns the
// returned file and puts it, or one opened its own way, into s.File.
func CreateSegment(fs disk.FS, dir string, s *Segment) (disk.File, error) {
	f, err := fs.Open(s.Path(dir), os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	if err := fs.SyncDir(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// SealSegment completes the files of a segment that has stopped growing: cuts
// the .log to its exact size, writes both indexes and the producer snapshot at
// its end, and syncs all of them. No write to the segment may be in flight;
// readers may go on. It opens the files itself and leaves s.File alone. Doing
// it twice does no harm.
func SealSegment(fs disk.FS, dir string, s *Segment) error {
	if !s.Sealed() {
		panic(fmt.Sprintf("log: seal of segment %d while it is active", s.Base))
	}
	// Retention may have been faster than a seal in the background.
	if err := sealFiles(fs, dir, s); err != nil && !(s.dropped.Load() && errors.Is(err, os.ErrNotExist)) {
		return err
	}
	if s.snapshot != nil {
		// Whole or not at all: recovery reads the newest sound snapshot and would
		// leave half of an older one behind.
		if err := disk.WriteFileAtomic(fs, segmentPath(dir, s.snapshotAt, ".snapshot"), s.snapshot); err != nil {
			return err
		}
		if s.next != nil { // nil at a clean stop's end of the log
			if err := s.next.undo(fs, dir, ".snapshot"); err != nil {
				return err
			}
		}
		s.snapshot, s.next = nil, nil
	}
	return fs.SyncDir(dir)
}

func sealFiles(fs disk.FS, dir string, s *Segment) error {
	f, err := fs.Open(s.Path(dir), os.O_RDWR)
	if err != nil {
		return err
	}
	err = exact(f, s)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := writeIndexes(fs, dir, s); err != nil {
		return err
	}
	return s.undo(fs, dir, ".index", ".timeindex")
}

// undo removes files just written under the segment's name when its .log went
// meanwhile: who removed that did not see them. A removal that comes later takes
// them along.
func (s *Segment) undo(fs disk.FS, dir string, suffixes ...string) error {
	if !s.dropped.Load() {
		return nil
	}
	if _, err := fs.Stat(s.Path(dir)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, suffix := range suffixes {
		if err := fs.Remove(segmentPath(dir, s.Base, suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// exact cuts a segment's file to the bytes that hold batches and syncs it.
func exact(f disk.File, s *Segment) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size < s.Size() {
		return fmt.Errorf("log: segment %020d.log has %d bytes, but %d were written to it", s.Base, size, s.Size())
	}
	if size > s.Size() {
		if err := f.Truncate(s.Size()); err != nil {
			return err
		}
	}
	return f.Sync()
}

func writeIndexes(fs disk.FS, dir string, s *Segment) error {
	if err := disk.WriteFileSync(fs, segmentPath(dir, s.Base, ".index"), s.encodeIndex()); err != nil {
		return err
	}
	return disk.WriteFileSync(fs, segmentPath(dir, s.Base, ".timeindex"), s.encodeTimes())
}

// encodeIndex is the .index file: int32 relative offset, int32 position.
func (s *Segment) encodeIndex() []byte {
	n := s.index.len()
	b := make([]byte, 0, n*offsetEntryBytes)
	for i := range n {
		e := s.index.at(i)
		b = binary.BigEndian.AppendUint32(b, uint32(e.rel))
		b = binary.BigEndian.AppendUint32(b, uint32(e.pos))
	}
	return b
}

// encodeTimes is the .timeindex file: int64 timestamp ms, int32 relative offset.
func (s *Segment) encodeTimes() []byte {
	n := s.times.len()
	b := make([]byte, 0, n*timeEntryBytes)
	for i := range n {
		e := s.times.at(i)
		b = binary.BigEndian.AppendUint64(b, uint64(e.ts))
		b = binary.BigEndian.AppendUint32(b, uint32(e.rel))
	}
	return b
}

// segmentSuffixes are all files a segment may have; the .log goes first, so
// that a removal cut short leaves no segment with half its files.
var segmentSuffixes = []string{".log", ".index", ".timeindex", ".txnindex", ".snapshot"}

// DropSegment removes the files of a segment that Retain took out of the log:
// renamed to .deleted first, which recovery finishes, then removed. Retention
// goes from the front, so whatever lies before s is on its way out too and goes
// first, each removal durable before the next: a crash between drops, in
// whatever order they were called, must not leave a gap, because recovery reads
// a gap as lost writes. The shell has closed s.File or closes it later; readers
// that hold it are not disturbed.
func DropSegment(fs disk.FS, dir string, s *Segment) error {
	s.dropped.Store(true)
	names, err := fs.ReadDir(dir) // sorted, and so are bases of 20 digits
	if err != nil {
		return unless(err, os.ErrNotExist) // the whole log was deleted meanwhile
	}
	for _, name := range names {
		base, suffix, ok := parseFile(name)
		if !ok || suffix != ".log" || base > s.Base {
			continue
		}
		if err := dropFiles(fs, dir, base); err != nil {
			return err
		}
	}
	return nil
}

func dropFiles(fs disk.FS, dir string, base int64) error {
	for _, suffix := range segmentSuffixes {
		path := segmentPath(dir, base, suffix)
		if err := fs.Rename(path, path+".deleted"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := fs.SyncDir(dir); err != nil {
		return err
	}
	for _, suffix := range segmentSuffixes {
		if err := fs.Remove(segmentPath(dir, base, suffix) + ".deleted"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
