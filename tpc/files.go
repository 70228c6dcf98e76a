package tpc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// File work that can only block runs on offload goroutines; its results come
// back to the shard's thread as completions. The shard goes on meanwhile.

// openSegment opens a segment's file for the shard's I/O.
func (b *Broker) openSegment(path string) (disk.File, error) {
	if b.cfg.Factors.Disk == "buffered" {
		return disk.OS.Open(path, os.O_RDWR)
	}
	f, err := disk.OpenDirect(path)
	if err != nil {
		return nil, err
	}
	if f.Refused != "" {
		b.setFact("disk", "buffered: "+f.Refused)
	}
	return f, nil
}

// createSegment makes the file of a freshly rolled segment.
func (s *shard) createSegment(p *ownedPartition, f *segFile) {
	var err error
	s.r.OffloadFunc(func() {
		var made disk.File
		if made, err = log.CreateSegment(disk.OS, p.dir, f.seg); err != nil {
			return
		}
		if err = made.Close(); err != nil {
			return
		}
		f.file, err = s.b.openSegment(f.seg.Path(p.dir))
	}, func() { p.app.opened(f, err) })
}

// sealSegment gives a rolled segment its exact length and its final indexes.
func (s *shard) sealSegment(p *ownedPartition, f *segFile) {
	s.sealsOut++
	var err error
	s.r.OffloadFunc(
		func() { err = log.SealSegment(disk.OS, p.dir, f.seg) },
		func() {
			s.sealsOut--
			if err == nil {
				p.synced.Store(f.endOffset)
			} else {
				p.fail(fmt.Errorf("sealing segment %d: %w", f.seg.Base, err))
			}
		})
}

// zeroFill writes zeros over [from, from+n) of a segment's file, in pieces, so
// that no append waits behind a long write.
func (s *shard) zeroFill(p *ownedPartition, f *segFile, from, n int64) {
	var err error
	fd := f.file.FD()
	s.r.OffloadFunc(func() {
		// Reserved first, the zeros overwrite blocks inside the file and share
		// its lock with the appends; extending the file would take it alone.
		if err = unix.Fallocate(fd, 0, from, n); err == unix.EOPNOTSUPP {
			err = nil
		}
		for off := int64(0); off < n && err == nil; {
			piece := zeros[:min(n-off, int64(len(zeros)))]
			var w int
			w, err = unix.Pwrite(fd, piece, from+off)
			off += int64(w)
		}
	}, func() { p.app.grown(f, n, err) })
}

// zeros is an aligned piece of nothing, shared and never written.
var zeros = alignedZeros(256 << 10)

func alignedZeros(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("tpc: mapping %d bytes of zeros: %v", n, err))
	}
	return b
}
