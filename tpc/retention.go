package tpc

import (
	"errors"
	"slices"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// retain removes the segments whose time or size has come. Their files go on an
// offload goroutine after Kafka's delay: what they hold stays open until then.
func (s *shard) retain(p *ownedPartition) {
	if p.Failed() || p.moving || s.cleaner.p == p {
		return
	}
	// At durability=memory the high watermark runs ahead of the device; a segment
	// that is not written yet stays.
	limit := p.HighWatermark()
	limit.Offset = min(limit.Offset, p.app.files[0].seg.Base)
	if len(p.app.files) == 1 && p.Log.ActiveExpired(s.nowMs(), p.HighWatermark()) {
		p.app.rollIdle() // the segment goes with the next round, when it is written
		return
	}
	for _, seg := range p.Log.Retain(s.nowMs(), limit) {
		p.windows.forget(seg)
		p.dropLater(&dropJob{p: p, seg: seg})
	}
}

// dropJob deletes a segment's files when their delay is over.
type dropJob struct {
	p        *ownedPartition
	seg      *log.Segment
	replaced bool  // by compaction, which has removed the files: only the open one is left
	dueNs    int64 // when; clocks of shards are the same
	timer    reactor.Timer
}

// dropLater begins a job's delay.
func (p *ownedPartition) dropLater(d *dropJob) {
	delayNs := p.s.b.cfg.Int("log.segment.delete.delay.ms") * 1e6
	d.dueNs = p.s.r.Now() + delayNs
	d.timer.H = d
	p.drops = append(p.drops, d)
	p.s.r.After(&d.timer, delayNs)
}

// retryDropNs is when a segment that is being read is looked at again.
const retryDropNs = 10e6

// OnTimer starts the deletion, unless the device is reading from the file.
func (d *dropJob) OnTimer(t *reactor.Timer) {
	p := d.p
	if p.windows.reading(d.seg) {
		p.s.r.After(t, retryDropNs)
		return
	}
	p.s.fileWork(p, d.drop, func(err error) {
		if err != nil {
			p.s.b.logf("deleting segment %d of %s: %v", d.seg.Base, p.dir, err)
		}
		p.drops = slices.DeleteFunc(p.drops, func(other *dropJob) bool { return other == d })
	})
}

// drop blocks.
func (d *dropJob) drop() error {
	if d.replaced {
		return d.seg.File.Close()
	}
	return errors.Join(log.DropSegment(d.p.s.b.fs, d.p.dir, d.seg), d.seg.File.Close())
}
