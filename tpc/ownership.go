package tpc

import (
	"errors"
	"fmt"
	"io"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
)

// OpenPartition hands a log to the shard that owns it. Called by the
// controller, off the shards' threads; file work happens here, adoption there.
func (b *Broker) OpenPartition(t *cluster.Topic, index int32, l *log.Log) error {
	owner := int(t.Parts[index].Owner)
	if owner < 0 || owner >= len(b.shards) {
		return fmt.Errorf("partition %s-%d: owner %d is not one of %d shards", t.Name, index, owner, len(b.shards))
	}
	chunk := b.cfg.Int("append.chunk.bytes")
	active := l.ActiveSegment()
	size := active.Size()
	tail := make([]byte, size%chunk)
	if len(tail) > 0 {
		f, err := disk.OS.Open(active.Path(l.Path()), 0)
		if err != nil {
			return err
		}
		n, err := f.ReadAt(tail, size-int64(len(tail)))
		err = errors.Join(ignoreEOF(err), f.Close())
		if err != nil || n != len(tail) {
			return fmt.Errorf("partition %s-%d: reading the tail of %s: %d of %d bytes: %w", t.Name, index, active.Path(l.Path()), n, len(tail), err)
		}
	}
	for _, seg := range l.Segments() {
		if seg.File != nil {
			if err := seg.File.Close(); err != nil {
				return err
			}
		}
		f, err := b.openSegment(seg.Path(l.Path()))
		if err != nil {
			return err
		}
		seg.File = f
	}
	p := partition.New(t.Name, t.ID, index, l, t.Parts[index].LeaderEpoch)
	return b.on(b.shards[owner], func(s *shard) error {
		owned, err := s.adopt(p, tail, int64(t.Log.SegmentBytes))
		if err == nil {
			b.checkpoints.add(owned)
		}
		return err
	})
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// adopt makes the shard the owner. tail is what the log's last, partly filled
// chunk holds.
func (s *shard) adopt(shared *partition.Partition, tail []byte, segmentBytes int64) (*ownedPartition, error) {
	p := &ownedPartition{Partition: shared, s: s, dir: shared.Log.Path()}
	seg := shared.Log.ActiveSegment()
	size := seg.Size()
	p.app = appender{p: p, segmentBytes: segmentBytes, chunks: chain{size: s.b.cfg.Int("append.chunk.bytes")}}
	f := &segFile{
		seg: seg, file: seg.File, flushed: size, end: size, endOffset: shared.Log.EndOffset(),
		prewritten: (size + disk.Align - 1) &^ (disk.Align - 1), step: s.firstPrewrite,
	}
	p.app.files = append(p.app.files, f)
	if len(tail) > 0 {
		k := s.allocChunk(p)
		if k == nil {
			return nil, fmt.Errorf("shard %d: no memory to open %s-%d", s.id, p.Topic, p.Index)
		}
		copy(k.buf.B, tail)
		k.segBase, k.index = seg.Base, size/p.app.chunks.size
		p.app.chunks.push(k)
	}
	// What recovery kept of the active segment may be in the page cache only.
	p.synced.Store(seg.Base)
	s.parts[partKey{p.ID, p.Index}] = p
	p.app.kick() // begins to zero-fill ahead
	return p, nil
}

// ClosePartition makes the owner forget a partition and waits until nothing of
// it is in flight.
func (b *Broker) ClosePartition(t *cluster.Topic, index int32) {
	s := b.shards[t.Parts[index].Owner]
	key := partKey{t.ID, index}
	var p *ownedPartition
	_ = b.on(s, func(s *shard) error {
		if p = s.parts[key]; p != nil {
			p.gone = true
			delete(s.parts, key)
			p.releaseProducers(1<<62, codeUnknown)
			p.notifyFetches()
		}
		return nil
	})
	b.checkpoints.remove(p)
	for quiet := p == nil; !quiet; {
		err := b.on(s, func(s *shard) error { quiet = s.forgetPartition(p); return nil })
		if err != nil {
			return
		}
	}
}

// forgetPartition frees what a partition held once nothing of it is in flight.
func (s *shard) forgetPartition(p *ownedPartition) bool {
	if p.app.busy || p.window.loading || p.app.tailFile().growing || p.app.files[0].file == nil {
		return false
	}
	c := &p.app.chunks
	for i := c.head; i < len(c.list); i++ {
		if i < c.clean {
			c.list[i].part = nil // the eviction order still names it
		} else {
			s.freeChunk(c.list[i])
		}
	}
	for _, k := range p.app.spare {
		s.freeChunk(k)
	}
	p.app.chunks, p.app.spare = chain{size: c.size}, nil
	p.window.drop(s)
	for _, seg := range p.Log.Segments() {
		if seg.File != nil {
			_ = seg.File.Close() // the directory goes with it
		}
	}
	return true
}

// Publish makes an image current for every shard at once: it is immutable, and
// each looks it up anew for every request.
func (b *Broker) Publish(im *cluster.Image) { b.image.Store(im) }
