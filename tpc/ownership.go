package tpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
	tail, err := b.openSegments(l)
	if err == nil {
		p := partition.New(t.Name, t.ID, index, l, t.Parts[index].LeaderEpoch)
		var owned *ownedPartition
		err = b.on(b.shards[owner], func(s *shard) (err error) {
			owned, err = s.adopt(p, tail, int64(t.Log.SegmentBytes))
			return err
		})
		if err == nil {
			b.checkpoints.add(owned) // not on the shard: whoever writes a checkpoint has the lock meanwhile
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("partition %s-%d: %w", t.Name, index, err), closeSegments(l))
	}
	return nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// adopt makes the shard the owner. tail is what the log's last, partly filled
// block holds.
func (s *shard) adopt(shared *partition.Partition, tail []byte, segmentBytes int64) (*ownedPartition, error) {
	p := &ownedPartition{Partition: shared, s: s, dir: shared.Log.Path()}
	p.windows.p = p
	seg := shared.Log.ActiveSegment()
	size := seg.Size()
	p.app = appender{p: p, segmentBytes: segmentBytes, chunks: chain{size: int64(s.chunkBytes)}}
	f := &segFile{
		seg: seg, file: seg.File, flushed: size, end: size,
		prewritten: (size + disk.Align - 1) &^ (disk.Align - 1), ahead: s.fileAhead,
	}
	p.app.files = append(p.app.files, f)
	if !p.app.keepTail(tail) {
		return nil, fmt.Errorf("shard %d has no memory left for it: %d bytes free", s.id, s.arena.FreeBytes())
	}
	// What recovery kept of the active segment may be in the page cache only.
	p.synced.Store(seg.Base)
	s.own(p)
	return p, nil
}

// ClosePartition makes the owner forget a partition and waits until nothing of
// it is in flight.
func (b *Broker) ClosePartition(t *cluster.Topic, index int32) {
	s := b.shards[t.Parts[index].Owner]
	key := partKey{t.ID, index}
	var p *ownedPartition
	quiet := false
	_ = b.on(s, func(s *shard) error {
		if p = s.parts[key]; p != nil {
			p.gone = true
			s.disown(p)
			p.releaseProducers(1<<62, codeUnknown)
			p.notifyFetches()
			quiet = s.forgetPartition(p)
		}
		return nil
	})
	if p == nil {
		return
	}
	b.checkpoints.remove(p)
	for !quiet {
		_ = b.out.sleep(context.Background(), time.Millisecond)
		if b.on(s, func(s *shard) error { quiet = s.forgetPartition(p); return nil }) != nil {
			return // the shard has stopped; Stop waits for what is in flight
		}
	}
	// The shard has forgotten it, so its files are closed here: that may block.
	for _, d := range p.drops {
		_ = d.file.Close()
	}
	_ = closeSegments(p.Log)
}

// forgetPartition frees what a partition held once nothing of it is in flight:
// no I/O and no file work, which might otherwise meet another topic's files
// under the same names.
func (s *shard) forgetPartition(p *ownedPartition) bool {
	for _, d := range p.drops {
		s.r.Cancel(&d.timer) // the directory goes as a whole
	}
	if p.app.busy || p.windows.loading() || p.jobs > 0 || p.inDirty {
		return false
	}
	p.freeMemory()
	return true
}

// freeMemory gives back chunks and windows. Clean chunks are still named by the
// eviction order and go with it.
func (p *ownedPartition) freeMemory() {
	c := &p.app.chunks
	for i := c.head; i < len(c.list); i++ {
		if i < c.clean {
			c.list[i].part = nil
		} else {
			p.s.freeChunk(c.list[i])
		}
	}
	*c = chain{size: c.size}
	p.app.dropParked()
	p.s.noteCool(p)
	p.windows.forget(nil)
}

// Publish makes an image current for every shard at once: it is immutable, and
// each looks it up anew for every request.
func (b *Broker) Publish(im *cluster.Image) { b.image.Store(im) }
