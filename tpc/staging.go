package tpc

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/staging"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/staged"
)

// With staging=shared append chunks lie in a file mapping, where they outlive
// kill -9, and durability=process is kept as soon as a batch has been copied.
// The device is written all the same and bounds how much may be in chunks only:
// a chunk's place is free again when the device has it. When there is no place
// an append goes to the arena, and its producer waits for the device. At the
// other durabilities chunks lie there too, and acknowledgements do not change.

// The kernel writes what is dirty of the mapping as well, some 30 s after it was
// changed or sooner if much is dirty, and the next append to a written page pays
// a fault. A small file bounds both: staging.max.bytes.

// stagingShare is the most of a shard's memory that its staging file takes: a
// quarter.
const stagingShare = 4

// stagingLayout is how the staging file of a shard with so much memory is
// divided; without slots when there is none.
func (b *Broker) stagingLayout(shardBytes int64) staging.Layout {
	l := staging.Layout{ChunkBytes: int(b.cfg.Int("append.chunk.bytes"))}
	if b.cfg.Factors.Staging == "shared" {
		l.Slots = int(min(shardBytes/stagingShare, b.cfg.Int("staging.max.bytes")) / int64(l.ChunkBytes))
	}
	return l
}

// openAreas makes every shard's staging file, after the directory is this
// broker's and what the last one left in such files has been brought back.
func (b *Broker) openAreas() error {
	if b.cfg.Factors.Staging != "shared" {
		return nil
	}
	for _, s := range b.shards {
		area, err := staged.Open(staged.Options{Path: staging.Path(b.cfg.DataDir, s.id), Layout: s.layout, Home: s.arena, Files: b.out.staging()})
		if err != nil {
			return err
		}
		s.area = area
	}
	l := b.shards[0].layout
	b.setFact("staging", fmt.Sprintf("shared: %d bytes a shard in %d chunks on %s", l.Bytes(), l.Slots, fileSystem(staging.Dir(b.cfg.DataDir))))
	return nil
}

// fileSystem names the file system of a path.
func fileSystem(path string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return err.Error()
	}
	switch st.Type {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs"
	}
	return fmt.Sprintf("file system %#x", st.Type)
}

// stagedChunk is a place in the staging file, taken from the oldest chunks that
// the device has if it must. Nil when all are dirty or being sent.
func (s *shard) stagedChunk() *iobuf.Buf {
	if s.area == nil {
		return nil
	}
	for {
		if b := s.area.Alloc(s.chunkBytes); b != nil {
			return b
		}
		if _, ok := s.evictOne(); !ok {
			return nil
		}
	}
}

// assign makes a chunk replayable. What it holds before position from of its
// segment is on the device or goes there from the chunk before; a batch with the
// given offset begins at from, as soon as there is one.
func (a *appender) assign(k *chunk, from, offset int64) {
	k.live = true
	a.p.s.area.Assign(k.buf, &staging.Slot{
		Topic: a.p.ID, Partition: a.p.Index, SegBase: k.segBase, Index: k.index, EntryPos: from, EntryOffset: offset,
	})
}

// stage is write for chunks that are replayed after kill -9, which may come
// between any two instructions: what is there then must be the log so far, or
// the log with this batch.
func (a *appender) stage(f *segFile, ap *log.Append, b []byte) {
	size, end := a.chunks.size, ap.Pos+int64(len(b))
	survives := true
	for pos := ap.Pos; pos < end; pos = (pos/size + 1) * size {
		survives = a.chunkFor(f, pos, ap).live && survives
	}
	last := a.chunks.at(f.seg.Base, end-1)
	if end%size > 0 {
		staging.Guard(last.buf.B, end%size)
	}
	for step := range staging.Parts {
		from, to := staging.Part(step, len(b))
		a.put(f, ap.Pos+int64(from), b[from:to])
	}
	a.p.s.copies.Add(telemetry.CopyAppend, len(b))
	last.endPos, last.endOff = end, ap.Last+1
	f.end = end
	if !survives {
		a.unstaged = ap.Last + 1
	}
}

// put copies b to position pos of f.
func (a *appender) put(f *segFile, pos int64, b []byte) {
	for len(b) > 0 {
		k := a.chunks.at(f.seg.Base, pos)
		n := copy(k.buf.B[pos%a.chunks.size:a.chunks.size], b)
		b, pos = b[n:], pos+int64(n)
	}
}

// kept reports whether everything appended keeps the durability promise without
// the device: at memory always, at process when all that the device may not have
// lies in the staging file.
func (a *appender) kept() bool {
	switch a.p.s.durability {
	case models.Memory:
		return true
	case models.Process:
		return a.p.s.area != nil && a.p.HighWatermark().Offset >= a.unstaged
	}
	return false
}
