package tpc

import (
	"errors"
	"slices"

	"github.com/ceteris/ceteris/models/disk"
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
	file     disk.File // of the segment
	replaced bool      // by compaction, which has removed the files: only the open one is left
	dueNs    int64     // when; clocks of shards are the same
	timer    reactor.Timer
	begun    bool // its files are being deleted, and the timer has had its turn
}

// dropLater begins a job's delay, in which readers that have found the segment may
// still read it.
func (p *ownedPartition) dropLater(d *dropJob) {
	d.file = d.seg.File
	delayNs := p.s.b.cfg.Int("log.segment.delete.delay.ms") * 1e6
	d.dueNs = p.s.r.Now() + delayNs
	d.timer.H = d
	p.drops = append(p.drops, d)
	p.s.r.After(&d.timer, delayNs)
}

// dropAgain sets the timers again that a hold has stopped. A deletion that was
// under way then is not begun twice: its file would be closed twice, and by the
// second time the descriptor may be another's.
func (p *ownedPartition) dropAgain() {
	for _, d := range p.drops {
		if !d.begun {
			p.s.r.After(&d.timer, d.dueNs-p.s.r.Now())
		}
	}
}

// retryDropNs is when a segment that is being read is looked at again.
const retryDropNs = 10e6

// OnTimer starts the deletion, unless the device is reading from the file. From then
// on there is nothing to begin a read from: a reader that has waited may come after
// the file is closed, when its descriptor is another's.
func (d *dropJob) OnTimer(t *reactor.Timer) {
	p := d.p
	if p.windows.reading(d.seg) {
		p.s.r.After(t, retryDropNs)
		return
	}
	d.begun, d.seg.File = true, nil
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
		return d.file.Close()
	}
	return errors.Join(log.DropSegment(d.p.s.b.fs, d.p.dir, d.seg), d.file.Close())
}
