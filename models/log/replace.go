package log

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// Rewrite is a segment in the making that will take the place of a run of sealed
// ones, under the base of the first. Its files have Kafka's suffixes, and a crash
// leaves what they say:
//
//	Append    .cleaned       not whole: recovery removes it
//	Commit    .swap          whole and synced: recovery puts it in place
//	Replace                  readers find the new segment; those that hold an old one read on
//	Finish    old .deleted, new without suffix
//
// Replace is the log's writer's; the other steps block and may run anywhere, one
// at a time. Commit is the point of no return: Replace and Finish must follow,
// or the log must never be used again.
type Rewrite struct {
	// Seg is the new segment. The shell opens its file ([Rewrite.SwapPath])
	// between Commit and Replace.
	Seg *Segment
	// Old are the segments that go. After Replace the shell closes their files,
	// as after Retain; Finish removes them.
	Old []*Segment

	fs       disk.FS
	dir      string
	f        disk.File
	written  int64
	interval int
}

const (
	cleanedSuffix = ".cleaned"
	swapSuffix    = ".swap"
)

// rewriteSuffixes are the files of a rewritten segment, the .log first.
var rewriteSuffixes = []string{".log", ".index", ".timeindex"}

// NewRewrite creates the file. Everything in old is sealed and has been synced.
func NewRewrite(fs disk.FS, dir string, old []*Segment, indexInterval int) (*Rewrite, error) {
	w := &Rewrite{Seg: newSegment(old[0].Base), Old: old, fs: fs, dir: dir, interval: indexInterval}
	for _, s := range old {
		if !s.Sealed() {
			panic(fmt.Sprintf("log: rewrite of segment %d while it is active", s.Base))
		}
	}
	w.Seg.sealed.Store(true)
	f, err := fs.Open(w.path(".log", cleanedSuffix), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	w.f = f
	return w, nil
}

// RemoveCleaned removes what rewrites that were given up have left. It has to be
// done before the next one: beside a .swap such files would speak against it.
func RemoveCleaned(fs disk.FS, dir string) error {
	names, err := fs.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, cleanedSuffix) {
			if err := fs.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return fs.SyncDir(dir)
}

func (w *Rewrite) path(suffix, state string) string {
	return segmentPath(w.dir, w.Seg.Base, suffix) + state
}

// SwapPath is where the new segment is between Commit and Finish.
func (w *Rewrite) SwapPath() string { return w.path(".log", swapSuffix) }

// Note takes the next batch into the indexes.
func (w *Rewrite) Note(h *batch.Header) {
	s := w.Seg
	pos := s.Size()
	s.note(h.LastOffset(), pos, h.TotalLen(), h.MaxTimestamp, w.interval)
	s.size.Store(pos + int64(h.TotalLen()))
}

// Append writes the bytes of batches that were noted.
func (w *Rewrite) Append(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if n, err := w.f.WriteAt(b, w.written); err != nil {
		return fmt.Errorf("%s: %d of %d bytes at %d: %w", w.path(".log", cleanedSuffix), n, len(b), w.written, err)
	}
	w.written += int64(len(b))
	return nil
}

// Abandon removes a rewrite that will not be committed.
func (w *Rewrite) Abandon() error {
	return errors.Join(w.f.Close(), RemoveCleaned(w.fs, w.dir))
}

// Commit makes the new segment's files durable and gives them the suffix by
// which recovery takes them for whole.
func (w *Rewrite) Commit() error {
	if w.written != w.Seg.Size() {
		panic(fmt.Sprintf("log: commit of a rewrite with %d bytes written, %d noted", w.written, w.Seg.Size()))
	}
	w.Seg.noteTime()
	if err := errors.Join(w.f.Sync(), w.f.Close()); err != nil {
		return err
	}
	if err := disk.WriteFileSync(w.fs, w.path(".index", cleanedSuffix), w.Seg.encodeIndex()); err != nil {
		return err
	}
	if err := disk.WriteFileSync(w.fs, w.path(".timeindex", cleanedSuffix), w.Seg.encodeTimes()); err != nil {
		return err
	}
	// The names first, so that no file is lost whose renaming is not.
	if err := w.fs.SyncDir(w.dir); err != nil {
		return err
	}
	return w.rename(cleanedSuffix, swapSuffix)
}

func (w *Rewrite) rename(from, to string) error {
	for _, suffix := range rewriteSuffixes {
		if err := w.fs.Rename(w.path(suffix, from), w.path(suffix, to)); err != nil {
			return err
		}
	}
	return w.fs.SyncDir(w.dir)
}

// Replace puts the new segment where the old ones are. Nothing may have removed
// one of them since NewRewrite. Writer only.
func (l *Log) Replace(w *Rewrite) {
	segs := l.Segments()
	i := slices.Index(segs, w.Old[0])
	last := w.Old[len(w.Old)-1]
	if i < 0 || i+len(w.Old) >= len(segs) || segs[i+len(w.Old)-1] != last {
		panic(fmt.Sprintf("log: replacement of segments %d to %d, which the log does not have", w.Old[0].Base, last.Base))
	}
	// What the ring says of replaced segments is wrong from now on. Readers look
	// at the segments first and at this mark last.
	l.replaced.Store(max(l.replaced.Load(), segs[i+len(w.Old)].Base))
	next := slices.Concat(segs[:i], []*Segment{w.Seg}, segs[i+len(w.Old):])
	for _, s := range w.Old {
		s.dropped.Store(true)
	}
	l.view.Store(&next)
}

// Finish removes the old segments' files and gives the new ones their names. The
// removal is durable first, else a crash could leave an old segment beside the
// one that took its place.
func (w *Rewrite) Finish() error {
	for _, s := range slices.Backward(w.Old) {
		if err := dropFiles(w.fs, w.dir, s.Base); err != nil {
			return err
		}
	}
	return w.rename(swapSuffix, "")
}
