package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// Recovery is what opening a log found and mended, for the broker to report.
type Recovery struct {
	Unclean         bool  // the directory was not closed cleanly, batches were read back
	TruncatedAt     int64 // offset at which the log was cut, -1 when nothing was lost
	TruncatedBytes  int64 // what was cut off, not counting blocks written ahead of the end
	DroppedSegments int   // whole segments removed because they lay behind the cut
	RebuiltIndexes  int   // segments whose index files were missing or unsound
	ReadBytes       int64 // how much was read back
}

// opener loads one log from its directory.
type opener struct {
	fs            disk.FS
	l             *Log
	clean         bool
	recoveryPoint int64 // everything below was synced
	start         int64 // checkpointed start offset, 0 when there is none
	end           int64 // offset after the last batch that was loaded
	w             walker
}

// load opens the segments in ascending order. A segment that was closed or
// synced as a whole is trusted: its indexes are read and only what follows the
// last entry is walked. Any other is read back from its first byte and cut
// where the first unsound batch begins.
func (o *opener) load(bases []int64) ([]*Segment, error) {
	o.l.Recovery.Unclean, o.l.Recovery.TruncatedAt = !o.clean, -1
	var segs []*Segment
	for i, base := range bases {
		next := int64(-1)
		if i+1 < len(bases) {
			next = bases[i+1]
		}
		s := newSegment(base)
		trusted := o.clean || next >= 0 && next <= o.recoveryPoint
		end, err := o.loadSegment(s, trusted, next >= 0)
		if err != nil {
			return nil, err
		}
		segs = append(segs, s)
		o.end = end
		switch {
		case next < 0 || end == next || trusted && end < next: // compaction leaves gaps, crashes do not
			continue
		case trusted || end > next:
			return nil, fmt.Errorf("%s: ends at offset %d, but the next segment begins at %d", s.Path(o.l.dir), end, next)
		}
		for _, lost := range bases[i+1:] {
			if err := dropFiles(o.fs, o.l.dir, lost); err != nil {
				return nil, err
			}
			o.l.Recovery.DroppedSegments++
		}
		o.l.Recovery.TruncatedAt = end
		s.sealed.Store(false)
		break
	}
	return segs, nil
}

// loadSegment loads one segment and returns the offset after its last batch.
func (o *opener) loadSegment(s *Segment, trusted, sealed bool) (end int64, err error) {
	f, err := o.fs.Open(s.Path(o.l.dir), os.O_RDWR)
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	if size > math.MaxInt32 {
		return 0, fmt.Errorf("%s: %d bytes, more than a segment can have", s.Path(o.l.dir), size)
	}
	o.w.open(f, size)
	s.sealed.Store(sealed)
	if trusted {
		end, ok, err := o.loadTrusted(s, size)
		if err != nil || ok {
			return end, err
		}
		o.l.Recovery.RebuiltIndexes++
	}
	return o.readBack(f, s, size, trusted)
}

// readBack walks every batch of a segment, checks it, rebuilds the indexes, and
// cuts the file behind the last sound one. What it keeps is synced, because the
// log vouches for it from now on.
func (o *opener) readBack(f disk.File, s *Segment, size int64, trusted bool) (int64, error) {
	s.index.reset()
	s.times.reset()
	s.maxTs.Store(-1)
	s.sinceIndex = 0
	end, pos, err := o.walk(s, 0, s.Base, size, !trusted)
	if err != nil {
		return 0, err
	}
	s.size.Store(pos)
	if pos < size {
		lost, err := o.w.used(pos)
		if err != nil {
			return 0, err
		}
		if lost > 0 && trusted && s.Sealed() {
			return 0, fmt.Errorf("%s: no sound batch at byte %d, offset %d, though everything below offset %d was synced",
				s.Path(o.l.dir), pos, end, o.recoveryPoint)
		}
		if lost > 0 {
			o.l.Recovery.TruncatedAt = end
			o.l.Recovery.TruncatedBytes += lost
		}
	}
	if err := exact(f, s); err != nil {
		return 0, err
	}
	if s.Sealed() {
		s.noteTime()
		return end, writeIndexes(o.fs, o.l.dir, s)
	}
	return end, nil
}

// walk takes batches into the indexes from pos, where offset is expected, and
// stops at the first unsound one. With dense, offsets may not leave a gap: a
// gap after a crash means that a write in between was lost.
func (o *opener) walk(s *Segment, pos, offset, size int64, dense bool) (end, stop int64, err error) {
	var h batch.Header
	for pos < size {
		err := o.w.at(pos, true, &h)
		if errors.Is(err, errBad) {
			break
		}
		if err != nil {
			return 0, 0, err
		}
		if h.BaseOffset < offset || dense && h.BaseOffset != offset || h.LastOffset()-s.Base > math.MaxInt32 {
			break
		}
		if pos == 0 {
			s.firstTs = h.MaxTimestamp
		}
		s.note(h.LastOffset(), pos, h.TotalLen(), h.MaxTimestamp, o.l.cfg.IndexIntervalBytes)
		o.l.noteEpoch(h.LeaderEpoch, h.BaseOffset)
		pos += int64(h.TotalLen())
		offset = h.LastOffset() + 1
	}
	return offset, pos, nil
}

// loadTrusted reads the index files and walks from the last entry to the end of
// the file. Not ok means that something does not fit and the segment has to be
// read back.
func (o *opener) loadTrusted(s *Segment, size int64) (end int64, ok bool, err error) {
	if ok, err := o.loadIndexes(s, size); !ok || err != nil {
		return 0, false, err
	}
	var h batch.Header
	pos, end := int64(0), s.Base
	latest := s.maxTs.Load()
	if n := s.index.len(); n > 0 {
		// The batch of the last entry is in the indexes: go on behind it.
		last := s.index.at(n - 1)
		err := o.w.at(int64(last.pos), true, &h)
		if errors.Is(err, errBad) || err == nil && h.LastOffset() != s.Base+int64(last.rel) {
			return 0, false, nil
		}
		if err != nil {
			return 0, false, err
		}
		pos, end = int64(last.pos)+int64(h.TotalLen()), h.LastOffset()+1
		s.sinceIndex = h.TotalLen()
	}
	end, pos, err = o.walk(s, pos, end, size, false)
	if err != nil || pos != size {
		return 0, false, err
	}
	if s.Sealed() && s.maxTs.Load() > latest {
		// The last entry of a sealed segment's .timeindex is its latest time: these
		// are of an earlier clean stop, and a kill came before sealing wrote them anew.
		return 0, false, nil
	}
	if !s.Sealed() && s.index.len() > 0 {
		// Age counts from the first batch, which the walk did not pass.
		var head [batch.HeaderLen]byte
		if _, err := o.w.f.ReadAt(head[:], 0); err != nil || batch.Parse(head[:], &h) != nil {
			return 0, false, nil
		}
		s.firstTs = h.MaxTimestamp
	}
	s.size.Store(size)
	return end, true, nil
}

// loadIndexes reads .index and .timeindex and says whether they are sound.
func (o *opener) loadIndexes(s *Segment, size int64) (ok bool, err error) {
	if size == 0 && !s.Sealed() {
		return true, nil // a log that was never written to has no index files
	}
	index, err := disk.ReadFile(o.fs, segmentPath(o.l.dir, s.Base, ".index"))
	if err != nil {
		return false, unless(err, os.ErrNotExist)
	}
	times, err := disk.ReadFile(o.fs, segmentPath(o.l.dir, s.Base, ".timeindex"))
	if err != nil {
		return false, unless(err, os.ErrNotExist)
	}
	if len(index)%offsetEntryBytes != 0 || len(times)%timeEntryBytes != 0 {
		return false, nil
	}
	if s.Sealed() && size > 0 && len(times) == 0 {
		// Sealing writes the indexes anew, of a segment too that an earlier clean
		// stop has put below the recovery point: a kill in between leaves it empty.
		return false, nil
	}
	before := offsetEntry{rel: -1, pos: -1}
	for ; len(index) > 0; index = index[offsetEntryBytes:] {
		e := offsetEntry{int32(binary.BigEndian.Uint32(index)), int32(binary.BigEndian.Uint32(index[4:]))}
		if e.rel <= before.rel || e.pos <= before.pos || int64(e.pos) >= size {
			return false, nil
		}
		s.index.add(e)
		before = e
	}
	last := timeEntry{ts: -1, rel: 0}
	for ; len(times) > 0; times = times[timeEntryBytes:] {
		e := timeEntry{int64(binary.BigEndian.Uint64(times)), int32(binary.BigEndian.Uint32(times[8:]))}
		if e.ts <= last.ts || e.rel < last.rel {
			return false, nil
		}
		s.times.add(e)
		last = e
	}
	s.maxTs.Store(last.ts)
	s.maxTsOffset = s.Base + int64(last.rel)
	return true, nil
}

// unless drops an error of one kind.
func unless(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}
