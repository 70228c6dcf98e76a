package tpc

import (
	"errors"
	"fmt"
	"os"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// probeDisk records what the file system of the data directory does. A probe
// that fails tells why; the broker does without.
func (b *Broker) probeDisk() {
	if b.fs != disk.OS {
		return
	}
	for _, probe := range []func() (map[string]string, error){
		func() (map[string]string, error) { return disk.Probe(b.cfg.DataDir) },
		func() (map[string]string, error) { return ProbeAsync(b.cfg.DataDir) },
	} {
		facts, err := probe()
		for k, v := range facts {
			b.setFact(k, v)
		}
		if err != nil {
			b.setFact("disk.probe", err.Error())
		}
	}
}

// openSegment opens a segment's file for the shard's I/O.
func (b *Broker) openSegment(path string) (disk.File, error) {
	if b.cfg.Factors.Disk == "buffered" || b.fs != disk.OS { // direct I/O is the real file system's
		return b.fs.Open(path, os.O_RDWR)
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

// createSegment makes the file of a fresh segment and opens it for the shard's I/O.
func (b *Broker) createSegment(dir string, seg *log.Segment) (disk.File, error) {
	f, err := log.CreateSegment(b.fs, dir, seg)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return b.openSegment(seg.Path(dir))
}

// openSegments opens every file of a recovered log for the shard's I/O, and
// reads what its last, partly filled block holds.
func (b *Broker) openSegments(l *log.Log) (tail []byte, err error) {
	active := l.ActiveSegment()
	size := active.Size()
	tail = make([]byte, tailBlock(size))
	if len(tail) > 0 {
		f, err := b.fs.Open(active.Path(l.Path()), os.O_RDONLY)
		if err != nil {
			return nil, err
		}
		n, err := f.ReadAt(tail, size-int64(len(tail)))
		err = errors.Join(ignoreEOF(err), f.Close())
		if err != nil || n != len(tail) {
			return nil, fmt.Errorf("reading the tail of %s: %d of %d bytes: %w", active.Path(l.Path()), n, len(tail), err)
		}
	}
	if err := closeSegments(l); err != nil {
		return nil, err
	}
	for _, seg := range l.Segments() {
		if seg.File, err = b.openSegment(seg.Path(l.Path())); err != nil {
			seg.File = nil
			return nil, errors.Join(err, closeSegments(l))
		}
	}
	return tail, nil
}

// closeSegments closes what is open of a log's files.
func closeSegments(l *log.Log) error {
	var errs []error
	for _, seg := range l.Segments() {
		if seg.File != nil {
			errs = append(errs, seg.File.Close())
			seg.File = nil
		}
	}
	return errors.Join(errs...)
}

// fileWork runs work for a partition on an offload goroutine, because files can
// only block, and then done on the shard's thread. The partition is not let go
// before, so its directory is still its own when work touches it.
func (s *shard) fileWork(p *ownedPartition, work func() error, done func(error)) {
	p.jobs++
	var err error
	s.r.OffloadFunc(func() { err = work() }, func() {
		p.jobs--
		done(err)
	})
}
