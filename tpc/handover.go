package tpc

import (
	"errors"
	"fmt"
	"time"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
)

// What the two shards of a move do, each on its own thread. The steps are called
// in this order by move.go:
//
//	new owner   expect   memory for the tail, a place where early requests wait
//	old owner   quiesce  what arrives from now on is held
//	            quiet    everything is on the device, nothing is under way
//	everywhere  fence    the new image is looked at; what was sent by the old one has come
//	old owner   give     memory given back, waiting consumers sent home to ask anew
//	new owner   take     the last block copied, then all that was held, in order
//
// Nothing else is copied: the log, its open files and the appender's place in
// them go by pointer. Cached chunks stay behind until their memory is wanted,
// because memory belongs to a shard; what they hold is in the files.

// expect makes room for a partition that will arrive.
func (s *shard) expect(h *cluster.Handover) error {
	key := partKey{h.Topic.ID, h.Index}
	if s.parts[key] != nil || s.arriving[key] != nil {
		return fmt.Errorf("shard %d has it, or expects it, already", s.id)
	}
	room := s.arena.TryReclaimAlloc(disk.Align, arena.Append)
	if room == nil {
		return fmt.Errorf("shard %d has no memory left for it: %d bytes free", s.id, s.arena.FreeBytes())
	}
	p := &ownedPartition{s: s, moving: true, room: room}
	if s.arriving == nil {
		s.arriving = map[partKey]*ownedPartition{}
	}
	s.arriving[key] = p
	return nil
}

// forgetExpected is for a partition that does not come. No image ever named this
// shard, so nothing waits here.
func (s *shard) forgetExpected(h *cluster.Handover) {
	key := partKey{h.Topic.ID, h.Index}
	p := s.arriving[key]
	delete(s.arriving, key)
	p.room.Release(s.arena)
}

// departure is a partition that is getting quiet.
type departure struct {
	p      *ownedPartition
	lateNs int64       // when it has taken too long
	quiet  func(error) // called once
}

// quiesce holds what arrives for a partition and tells when nothing of it is
// under way any more.
func (s *shard) quiesce(h *cluster.Handover, quiet func(error)) {
	p := s.parts[partKey{h.Topic.ID, h.Index}]
	switch {
	case p == nil:
		quiet(fmt.Errorf("shard %d does not have it", s.id))
		return
	case p.Failed():
		quiet(errStorageFailed)
		return
	}
	p.moving = true
	s.holdHungry(p)
	p.app.tailFile().enough = true // a zero-fill may take long
	for _, d := range p.drops {
		s.r.Cancel(&d.timer)
	}
	s.leaving = append(s.leaving, departure{p, s.r.Now() + quiesceNs, quiet})
}

// errStorageFailed: what a partition with broken storage still has in memory
// would be lost on the way.
var errStorageFailed = errors.New("its storage has failed")

// errLate: whoever waits for the partition has waited long enough.
var errLate = fmt.Errorf("it was not quiet within %v", time.Duration(quiesceNs))

// seeOff looks which partitions have become quiet. Called at the end of a round.
func (s *shard) seeOff() {
	kept := s.leaving[:0]
	for _, d := range s.leaving {
		switch {
		case s.staying:
			d.quiet(errStopping)
		case d.p.quiet() && d.p.Failed():
			d.quiet(errStorageFailed)
		case d.p.quiet():
			d.quiet(nil)
		case s.r.Now() > d.lateNs:
			d.quiet(errLate)
		default:
			kept = append(kept, d)
		}
	}
	clear(s.leaving[len(kept):])
	s.leaving = kept
}

// quiet reports whether nothing of the partition is under way: no I/O, no file
// work, nobody who reads from the device.
func (p *ownedPartition) quiet() bool {
	return p.app.drained() && !p.inDirty && p.windows.quiet()
}

// stay serves a partition that did not leave where it is.
func (s *shard) stay(h *cluster.Handover, done func()) {
	p := s.parts[partKey{h.Topic.ID, h.Index}]
	if p == nil || !p.moving {
		done()
		return
	}
	s.serveAgain(p, done)
}

// parcel is a partition on its way.
type parcel struct {
	p    *ownedPartition
	tail *iobuf.Buf // one reference to what has the log's last, partial block, nil when it has none
	last []byte     // that block
}

// give lets a quiet partition go. The image names the new owner by now, so
// fetches that waited here are sent home and from there to it.
func (s *shard) give(h *cluster.Handover) parcel {
	key := partKey{h.Topic.ID, h.Index}
	p := s.parts[key]
	if !p.quiet() || p.produceHead != nil {
		panic(fmt.Sprintf("tpc: partition %s-%d leaves shard %d with work: write in flight %v, file work %d, a producer waits %v",
			p.Topic, p.Index, s.id, p.app.busy, p.jobs, p.produceHead != nil))
	}
	s.disown(p)
	p.notifyFetches()
	g := parcel{p: p}
	if g.last, g.tail = p.app.lastBlock(); g.tail != nil {
		g.tail.Retain()
	}
	p.freeMemory()
	p.s = nil
	return g
}

// take makes the shard the owner and applies what was held; done is called when
// the partition is served.
func (s *shard) take(h *cluster.Handover, g parcel, epoch int32, done func()) {
	key := partKey{h.Topic.ID, h.Index}
	p, early := g.p, s.arriving[key]
	p.s, p.LeaderEpoch = s, epoch
	if g.tail == nil {
		early.room.Release(s.arena)
	} else {
		s.copies.Add(telemetry.CopyMove, copy(early.room.B, g.last))
		p.app.parked = early.room
		g.tail.Release(s.arena)
	}
	p.held.append(&early.held) // the old owner's were sent before
	s.own(p)
	delete(s.arriving, key)
	s.serveAgain(p, func() {
		early.notifyFetches()
		done()
	})
}
