package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// open loads the log from its directory, which exists.
func (o *opener) open() error {
	bases, snapshots, err := o.tidy()
	if err != nil {
		return err
	}
	l := o.l
	epochs, known := o.readEpochs()
	l.epochs.Store(&epochs)
	segs, err := o.load(bases)
	if err != nil {
		return err
	}
	start, end := o.start, int64(0)
	if len(segs) > 0 {
		start, end = max(start, segs[0].Base), o.end
	}
	exact := len(bases) == 0 || o.clean && l.Recovery.RebuiltIndexes == 0 && start <= end
	if len(segs) == 0 || start > end {
		// Nothing is there, or nothing that may be read: begin where reading may.
		for _, s := range segs {
			if err := dropFiles(o.fs, l.dir, s.Base); err != nil {
				return err
			}
		}
		fresh := newSegment(start)
		f, err := CreateSegment(disk.Unsynced(o.fs), l.dir, fresh)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		segs, end = []*Segment{fresh}, start
	}
	active := segs[len(segs)-1]
	active.sealed.Store(false)
	l.view.Store(&segs)
	l.start.Store(start)
	l.end.Store(Mark{Offset: end, SegBase: active.Base, Pos: active.Size()})
	if !known {
		if err := o.rebuildEpochs(segs); err != nil {
			return err
		}
	}
	trimmed := trimEpochs(l.Epochs(), start, end)
	l.epochs.Store(&trimmed)
	if err := o.loadProducers(segs, snapshots); err != nil {
		return err
	}
	l.Recovery.ReadBytes = o.w.read
	l.exact.Offset = -1
	if exact {
		l.exact = l.EndMark()
	}
	if !known || !slices.Equal(trimmed, epochs) {
		fs := o.fs
		if len(bases) == 0 { // half a file is as good as none, and no batch has an epoch yet
			fs = disk.Unsynced(fs)
		}
		if err := l.writeEpochs(fs); err != nil {
			return err
		}
	}
	if active.Size() > 0 || o.clean && len(bases) > 0 {
		return nil
	}
	// Just made, or by a process that was killed before it came to this: the names
	// on the way to the records that follow.
	if err := o.fs.SyncDir(l.dir); err != nil {
		return err
	}
	return o.fs.SyncDir(filepath.Dir(l.dir))
}

// headers calls f with every batch header of a segment from pos on.
func (o *opener) headers(s *Segment, pos int64, f func(h *batch.Header, pos int64)) error {
	if pos >= s.Size() {
		return nil
	}
	file, err := o.fs.Open(s.Path(o.l.dir), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	o.w.open(file, s.Size())
	var h batch.Header
	for pos < s.Size() {
		if err := o.w.at(pos, false, &h); err != nil {
			return fmt.Errorf("%s: byte %d: %w", s.Path(o.l.dir), pos, err)
		}
		f(&h, pos)
		pos += int64(h.TotalLen())
	}
	return nil
}

// tidy finishes what a crash interrupted and lists what is there: segment bases
// and snapshot offsets, ascending.
func (o *opener) tidy() (bases, snapshots []int64, err error) {
	names, err := o.fs.ReadDir(o.l.dir)
	if err != nil {
		return nil, nil, err
	}
	if names, err = o.finishSwaps(names); err != nil {
		return nil, nil, err
	}
	has := map[int64]bool{}
	for _, name := range names {
		base, suffix, ok := parseFile(name)
		switch {
		case !ok:
			if strings.HasSuffix(name, ".deleted") || strings.HasSuffix(name, ".cleaned") || strings.HasSuffix(name, ".tmp") {
				if err := o.fs.Remove(filepath.Join(o.l.dir, name)); err != nil {
					return nil, nil, err
				}
			}
		case suffix == ".log":
			has[base] = true
			bases = append(bases, base)
		case suffix == ".snapshot":
			snapshots = append(snapshots, base)
		}
	}
	for _, name := range names { // indexes without a log mean nothing
		base, suffix, ok := parseFile(name)
		if ok && !has[base] && (suffix == ".index" || suffix == ".timeindex" || suffix == ".txnindex") {
			if err := o.fs.Remove(filepath.Join(o.l.dir, name)); err != nil {
				return nil, nil, err
			}
		}
	}
	slices.Sort(bases)
	slices.Sort(snapshots)
	return bases, snapshots, nil
}

// finishSwaps completes a replacement of segments by a cleaned one: Kafka's
// cleaner renames .cleaned to .swap when the new segment is whole, so a .swap
// counts and takes the place of every segment it covers, unless .cleaned files
// at or below it show that a split was under way.
func (o *opener) finishSwaps(names []string) ([]string, error) {
	dir := o.l.dir
	var swaps, plain []int64
	cleaned := int64(1<<63 - 1)
	for _, name := range names {
		if base, suffix, ok := parseFile(strings.TrimSuffix(name, ".cleaned")); ok && suffix == ".log" && strings.HasSuffix(name, ".cleaned") {
			cleaned = min(cleaned, base)
		}
		if base, suffix, ok := parseFile(strings.TrimSuffix(name, ".swap")); ok && suffix == ".log" {
			if strings.HasSuffix(name, ".swap") {
				swaps = append(swaps, base)
			} else {
				plain = append(plain, base)
			}
		}
	}
	for _, base := range swaps {
		path := segmentPath(dir, base, ".log")
		if base >= cleaned {
			if err := o.fs.Remove(path + ".swap"); err != nil {
				return nil, err
			}
			continue
		}
		end, err := o.lastOffset(path + ".swap")
		if err != nil {
			return nil, err
		}
		// The base always: its .log may have gone without the indexes.
		if !slices.Contains(plain, base) {
			plain = append(plain, base)
		}
		for _, p := range plain {
			if p == base || p > base && p <= end {
				if err := dropFiles(o.fs, dir, p); err != nil {
					return nil, err
				}
			}
		}
		if err := o.fs.Rename(path+".swap", path); err != nil {
			return nil, err
		}
	}
	for _, name := range names { // indexes are rebuilt from the log
		if strings.HasSuffix(name, ".swap") && !strings.HasSuffix(name, ".log.swap") {
			if err := o.fs.Remove(filepath.Join(dir, name)); err != nil {
				return nil, err
			}
		}
	}
	if !slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".swap") }) {
		return names, nil
	}
	if len(swaps) > 0 {
		if err := o.fs.SyncDir(dir); err != nil {
			return nil, err
		}
	}
	return o.fs.ReadDir(dir)
}

// lastOffset is the last offset in a file of batches.
func (o *opener) lastOffset(path string) (int64, error) {
	f, err := o.fs.Open(path, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	o.w.open(f, size)
	last := int64(-1)
	var h batch.Header
	for pos := int64(0); pos < size && o.w.at(pos, false, &h) == nil; pos += int64(h.TotalLen()) {
		last = h.LastOffset()
	}
	return last, nil
}

// parseFile splits a segment file's name into its offset and suffix.
func parseFile(name string) (base int64, suffix string, ok bool) {
	if len(name) < 21 || !slices.Contains(segmentSuffixes, name[20:]) {
		return 0, "", false
	}
	for _, c := range name[:20] {
		if c < '0' || c > '9' {
			return 0, "", false
		}
	}
	base, err := strconv.ParseInt(name[:20], 10, 64)
	return base, name[20:], err == nil
}

const epochFile = "leader-epoch-checkpoint"

// readEpochs reads the checkpoint; not known means missing or unreadable, and
// that the batches have to tell.
func (o *opener) readEpochs() (epochs []EpochStart, known bool) {
	b, err := disk.ReadFile(o.fs, filepath.Join(o.l.dir, epochFile))
	if err == nil {
		epochs, err = DecodeEpochs(b)
	}
	return epochs, err == nil
}

func (o *opener) rebuildEpochs(segs []*Segment) error {
	o.l.epochs.Store(&[]EpochStart{})
	for _, s := range segs {
		if err := o.headers(s, 0, func(h *batch.Header, _ int64) { o.l.noteEpoch(h.LeaderEpoch, h.BaseOffset) }); err != nil {
			return err
		}
	}
	return nil
}

// writeEpochs brings the leader-epoch checkpoint up to date.
func (l *Log) writeEpochs(fs disk.FS) error {
	l.epochsOld.Store(false)
	err := disk.WriteFileAtomic(fs, filepath.Join(l.dir, epochFile), EncodeEpochs(l.Epochs()))
	if err != nil {
		l.epochsOld.Store(true)
	}
	return err
}

// replayBytes is how much of a log is replayed at the most after an unclean stop
// beyond what the newest snapshot asks for, where segments are small: a snapshot
// knows a producer's last batch alone, and who was cut off repeats up to five.
const replayBytes = 32 << 10

// loadProducers takes the newest sound snapshot at or below the log's end and
// replays the batches behind it; after an unclean stop an older one, as long as
// there is no more than replayBytes to replay. Snapshots beyond the end speak of
// records that are gone; those that are unsound or lie at no segment's base help
// nobody.
func (o *opener) loadProducers(segs []*Segment, snapshots []int64) error {
	l := o.l
	from := int64(-1)
	end := l.EndOffset()
	var state []ProducerEntry
	// What compaction has removed is known from the newest snapshot alone.
	further := !o.clean && !l.cfg.Cleanup.Compacts() && l.Compacted() == 0
	for _, at := range slices.Backward(snapshots) {
		path := segmentPath(l.dir, at, ".snapshot")
		based := slices.ContainsFunc(segs, func(s *Segment) bool { return s.Base == at })
		keep := at <= end && (based || from < 0)
		if keep && (from < 0 || further && bytesFrom(segs, at) <= replayBytes) {
			b, err := disk.ReadFile(o.fs, path)
			if err != nil {
				return err
			}
			entries, err := DecodeSnapshot(b)
			if keep = err == nil; keep {
				state, from = entries, at
			}
		}
		if !keep {
			if err := o.fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	if further && segs[0].Base == 0 && bytesFrom(segs, 0) <= replayBytes {
		state, from = nil, 0 // nothing was ever removed: all that there is to know is in the log
	}
	l.producers.load(state)
	from = max(from, segs[0].Base)
	i, s := segmentOf(segs, from)
	if s == nil || from >= end {
		return nil
	}
	for ; i < len(segs); i++ {
		s := segs[i]
		err := o.headers(s, s.indexed(from), func(h *batch.Header, _ int64) {
			if h.BaseOffset >= from && h.HasProducer() && !h.IsControl() {
				l.producers.commit(replayed(h))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// bytesFrom is how much of a log lies in segments that begin at an offset or later.
func bytesFrom(segs []*Segment, offset int64) (n int64) {
	for _, s := range segs {
		if s.Base >= offset {
			n += s.Size()
		}
	}
	return n
}

// replayed is the append that once wrote this batch.
func replayed(h *batch.Header) *Append {
	return &Append{
		Base: h.BaseOffset, Last: h.LastOffset(), MaxTsMs: h.MaxTimestamp,
		producerID: h.ProducerID, epoch: h.ProducerEpoch,
		firstSeq: h.BaseSequence, lastSeq: addSequence(h.BaseSequence, h.LastOffsetDelta),
	}
}

// Close seals the log as it is: the active .log exactly as long as its batches,
// both indexes, the producer snapshot at the end, the leader epochs. None of it
// is on the device before [Dir.Close], which syncs all logs at once. One that is
// as it was opened is let be. The shell has completed its I/O, sealed what it
// rolled, and closes its files; the log must not be used any more. Several logs
// may be closed at once.
func (l *Log) Close(fs disk.FS) error {
	if l.closed.Load() {
		return nil
	}
	fs = disk.Unsynced(fs)
	if l.EndMark() == l.exact && !l.epochsOld.Load() {
		l.closed.Store(true)
		return nil
	}
	for _, s := range l.Segments() {
		active := s == l.ActiveSegment()
		if !active && s.snapshot == nil {
			continue // sealed by the shell, or found sealed
		}
		if active {
			s.noteTime()
			s.snapshot, s.snapshotAt = l.producers.snapshot(), l.EndOffset()
			s.sealed.Store(true)
		}
		if err := SealSegment(fs, l.dir, s); err != nil {
			return err
		}
	}
	if l.epochsOld.Load() {
		if err := l.writeEpochs(fs); err != nil {
			return err
		}
	}
	l.closed.Store(true)
	return nil
}
