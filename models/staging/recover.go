package staging

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// Report is what a recovery found in the staging files.
type Report struct {
	Files   int   // files found
	Foreign int   // of them, those of an earlier start of the machine
	Slots   int   // live slots
	Unknown int   // of them, those of partitions that are gone
	Batches int64 // intact batches in live slots
	Bytes   int64 // of those batches, written to segments
}

func (r Report) String() string {
	return fmt.Sprintf("%d staging files, %d of an earlier start of the machine; %d live chunks, %d of partitions that are gone; %d batches, %d bytes written back",
		r.Files, r.Foreign, r.Slots, r.Unknown, r.Batches, r.Bytes)
}

// Recover brings what live chunks hold into the segments of an opened log
// directory, synced, and removes the staging files. It runs before the logs are
// opened, which then find it there and judge it. A directory that was closed
// cleanly has nothing to bring back. Cut short at any moment it can be done
// again: it writes nothing but what belongs where it writes it, and the files go
// last. boot names the present start of the machine.
func Recover(fs disk.FS, data string, logs *log.Dir, boot string) (r Report, err error) {
	dir := Dir(data)
	names, err := fs.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(names) == 0 {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("staging: %w", err)
	}
	r.Files = len(names)
	if !logs.Clean() {
		if err := replayAll(fs, dir, names, logs, boot, &r); err != nil {
			return r, fmt.Errorf("staging: %w", err)
		}
	}
	for _, name := range names {
		if err := fs.Remove(filepath.Join(dir, name)); err != nil {
			return r, fmt.Errorf("staging: %w", err)
		}
	}
	return r, nil
}

// live is a live slot and where its chunk lies.
type live struct {
	Slot
	f     disk.File
	at    int64 // of the chunk in f
	chunk int64 // size
}

func (l *live) start() int64 { return l.Index * l.chunk }
func (l *live) end() int64   { return (l.Index + 1) * l.chunk }

// follows reports whether l is the chunk after k.
func (l *live) follows(k *live) bool { return l.sameSegment(k) && l.start() == k.end() }

func (l *live) sameSegment(k *live) bool {
	return l.Topic == k.Topic && l.Partition == k.Partition && l.SegBase == k.SegBase
}

func replayAll(fs disk.FS, dir string, names []string, logs *log.Dir, boot string, r *Report) (err error) {
	var all []live
	for _, name := range names {
		f, ferr := fs.Open(filepath.Join(dir, name), os.O_RDONLY)
		if ferr != nil {
			return ferr
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if all, ferr = collect(f, boot, all, r); ferr != nil {
			return ferr
		}
	}
	r.Slots = len(all)
	// A partition that changed its shard in this moment has two slots for one
	// chunk. What both have is the same, and each is replayed by itself.
	slices.SortFunc(all, func(a, b live) int {
		return cmp.Or(bytes.Compare(a.Topic[:], b.Topic[:]), cmp.Compare(a.Partition, b.Partition),
			cmp.Compare(a.SegBase, b.SegBase), cmp.Compare(a.start(), b.start()))
	})
	homes := map[partition]string{}
	refs, err := logs.Partitions()
	if err != nil {
		return err
	}
	for _, ref := range refs {
		homes[partition{ref.ID, ref.Index}] = filepath.Join(logs.Path(), ref.TP.String())
	}
	for i := 0; i < len(all); {
		n := i + 1
		for n < len(all) && all[n].follows(&all[n-1]) {
			n++
		}
		home, known := homes[partition{all[i].Topic, all[i].Partition}]
		if !known {
			r.Unknown += n - i
		} else if err := replay(fs, home, all[i:n], r); err != nil {
			return err
		}
		i = n
	}
	return nil
}

type partition struct {
	topic [16]byte
	index int32
}

// collect adds the live slots of a file.
func collect(f disk.File, boot string, all []live, r *Report) ([]live, error) {
	size, err := f.Size()
	if err != nil {
		return all, err
	}
	head := make([]byte, fileHeaderBytes)
	if n, err := f.ReadAt(head, 0); n < len(head) {
		return all, ignoreEOF(err)
	}
	l, wrote, err := ParseFile(head)
	if errors.Is(err, errFile) {
		return all, nil // its making was cut short: nothing was acknowledged from it
	}
	if err != nil {
		return all, err
	}
	if wrote != boot || boot == "" {
		r.Foreign++
		return all, nil
	}
	if size < l.Bytes() {
		return all, fmt.Errorf("a file of %d chunks of %d bytes has %d bytes, want %d", l.Slots, l.ChunkBytes, size, l.Bytes())
	}
	headers := make([]byte, l.Slots*slotHeaderBytes)
	if n, err := f.ReadAt(headers, l.headerAt(0)); n < len(headers) {
		return all, fmt.Errorf("reading slots: %d of %d bytes: %w", n, len(headers), err)
	}
	for i := range l.Slots {
		if s, ok := ParseSlot(headers[i*slotHeaderBytes:(i+1)*slotHeaderBytes], l.ChunkBytes); ok {
			all = append(all, live{Slot: s, f: f, at: l.chunkAt(i), chunk: int64(l.ChunkBytes)})
		}
	}
	return all, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
