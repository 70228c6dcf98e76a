package tpc

import (
	"errors"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// housekeepingNs is how often a shard looks after what nobody waits for. Kafka's
// selector wakes every 300 ms for the same reason.
const housekeepingNs = 300e6

// housekeeping is the shard as its own timer's handler.
type housekeeping shard

// OnTimer closes idle connections, keeps memory free ahead of need, follows the
// wall clock and, at their intervals, applies retention.
func (h *housekeeping) OnTimer(t *reactor.Timer) {
	s := (*shard)(h)
	now := s.r.Now()
	s.wallOffsetMs = telemetry.WallMs() - telemetry.Now()/1e6
	s.arena.Reclaim()
	if idle := s.b.cfg.Int("connections.max.idle.ms"); idle >= 0 {
		for c := s.conns; c != nil; c = c.next {
			if c.head == nil && !c.sending && (now-c.lastNs)/1e6 > idle {
				c.close()
			}
		}
	}
	if (now-s.retainedNs)/1e6 >= s.b.cfg.Int("log.retention.check.interval.ms") {
		s.retainedNs = now
		for _, p := range s.parts {
			s.retain(p)
		}
	}
	s.r.After(t, housekeepingNs)
}

// retain removes the segments whose time or size has come. Their files go on an
// offload goroutine, after Kafka's delay readers need not fear: what they hold
// stays open until then.
func (s *shard) retain(p *ownedPartition) {
	if !p.Failed() && p.Log.ActiveExpired(s.nowMs(), p.HighWatermark()) {
		p.app.rollIdle() // the segment goes with the next round, when it is sealed
		return
	}
	for _, seg := range p.Log.Retain(s.nowMs(), p.HighWatermark()) {
		if p.window.seg == seg {
			p.window.drop(s)
		}
		d := &dropJob{s: s, dir: p.dir, seg: seg}
		d.timer.H = d
		s.r.After(&d.timer, s.b.cfg.Int("log.segment.delete.delay.ms")*1e6)
	}
}

// dropJob deletes a segment's files when their delay is over.
type dropJob struct {
	s     *shard
	dir   string
	seg   *log.Segment
	timer reactor.Timer
	err   error
}

// OnTimer starts the deletion.
func (d *dropJob) OnTimer(*reactor.Timer) { d.s.r.Offload(d) }

// Work runs off the shard's thread.
func (d *dropJob) Work() {
	d.err = log.DropSegment(disk.OS, d.dir, d.seg)
	if d.seg.File != nil {
		d.err = errors.Join(d.err, d.seg.File.Close())
	}
}

// Done reports what could not be deleted.
func (d *dropJob) Done() {
	if d.err != nil {
		d.s.b.logf("deleting segment %d of %s: %v", d.seg.Base, d.dir, d.err)
	}
}

// beginStop stops taking work: no new connections, no new requests.
func (s *shard) beginStop() {
	s.stopping = true
	if s.listening != nil {
		s.listening.Close()
		s.listening = nil
	}
	for c := s.conns; c != nil; c = c.next {
		if !c.paused {
			c.paused = true
			c.st.PauseRecv()
		}
		for r := c.head; r != nil; r = r.next {
			if !r.done && r.hdr.Key == keyFetch && r.legsOut > 0 {
				s.callBack(r) // consumers get what there is instead of a reset
			}
		}
	}
}

// drained reports whether every request is answered and every byte written.
func (s *shard) drained() bool {
	for c := s.conns; c != nil; c = c.next {
		if c.head != nil || c.sending {
			return false
		}
	}
	if s.sealsOut > 0 {
		return false
	}
	for _, p := range s.parts {
		if !p.app.drained() {
			return false
		}
	}
	return true
}

// closeFiles runs after the reactor has ended.
func (s *shard) closeFiles() error {
	var errs []error
	for _, p := range s.parts {
		for _, seg := range p.Log.Segments() {
			if seg.File != nil {
				errs = append(errs, seg.File.Close())
			}
		}
	}
	return errors.Join(errs...)
}
