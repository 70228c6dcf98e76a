package staging

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// replay brings one run of consecutive chunks into its segment. The device has
// everything before the run, or else nothing of the run was acknowledged; then
// recovery finds the hole and cuts there.
func replay(fs disk.FS, dir string, run []live, r *Report) error {
	path := log.SegmentPath(dir, run[0].SegBase)
	flag := os.O_RDWR
	size, err := fs.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist)
	if err != nil && !fresh {
		return err
	}
	if fresh {
		// Rolled a moment before the end: nobody had made the file yet. Any other
		// chunk of a segment without a file has nothing that it could continue.
		if run[0].EntryPos > 0 {
			return nil
		}
		flag |= os.O_CREATE
	}
	w := walk{run: run}
	if !fresh {
		if w.f, err = fs.Open(path, flag); err != nil {
			return err
		}
	}
	end, batches, err := w.end()
	if err == nil && batches > 0 {
		r.Batches += batches
		if fresh {
			w.f, err = fs.Open(path, flag)
		}
		if err == nil {
			err = w.store(end, r)
		}
		// A process that was killed between making a file and syncing its name
		// leaves it empty; recovery, which would see to the names on the way to an
		// empty segment, finds this one filled.
		if err == nil && size == 0 {
			err = errors.Join(fs.SyncDir(dir), fs.SyncDir(filepath.Dir(dir)))
		}
	}
	if w.f != nil {
		err = errors.Join(err, w.f.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// walk reads a segment as the chunks of a run have it, and as its file has what
// lies before them.
type walk struct {
	run []live
	f   disk.File // nil while there is none
	buf []byte
}

// end is the position where the run's intact and consecutive batches end, and
// how many they are.
func (w *walk) end() (pos, batches int64, err error) {
	pos, offset := w.run[0].EntryPos, w.run[0].EntryOffset
	stop := w.run[len(w.run)-1].end()
	var h batch.Header
	for pos+batch.HeaderLen <= stop {
		b, err := w.read(pos, batch.HeaderLen)
		if err != nil {
			return 0, 0, err
		}
		if batch.Parse(b, &h) != nil || h.BaseOffset != offset || h.LastOffsetDelta < 0 || pos+int64(h.TotalLen()) > stop {
			break
		}
		if b, err = w.read(pos, h.TotalLen()); err != nil {
			return 0, 0, err
		}
		if batch.Intact(b, &h) != nil {
			break
		}
		pos += int64(h.TotalLen())
		offset = h.LastOffset() + 1
		batches++
	}
	return pos, batches, nil
}

// read returns n bytes at pos of the segment; what its file does not have is
// zeros. They hold until the next call.
func (w *walk) read(pos int64, n int) ([]byte, error) {
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	b := w.buf[:n]
	if before := w.run[0].start() - pos; before > 0 {
		part := b[:min(before, int64(n))]
		clear(part)
		if w.f != nil {
			if _, err := w.f.ReadAt(part, pos); err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
		}
	}
	err := w.pieces(pos, pos+int64(n), func(k *live, from, to int64) error {
		_, err := k.f.ReadAt(b[from-pos:to-pos], k.at+from-k.start())
		return err
	})
	return b, err
}

// pieces calls f with every chunk that has a part of [from, to), and that part.
func (w *walk) pieces(from, to int64, f func(k *live, from, to int64) error) error {
	for i := range w.run {
		k := &w.run[i]
		if a, z := max(from, k.start()), min(to, k.end()); a < z {
			if err := f(k, a, z); err != nil {
				return err
			}
		}
	}
	return nil
}

// store writes what the run has up to end to the segment's file, and syncs it.
func (w *walk) store(end int64, r *Report) error {
	err := w.pieces(w.run[0].EntryPos, end, func(k *live, from, to int64) error {
		b, err := w.read(from, int(to-from))
		if err == nil {
			_, err = w.f.WriteAt(b, from)
		}
		r.Bytes += to - from
		return err
	})
	if err != nil {
		return err
	}
	return w.f.Sync()
}
