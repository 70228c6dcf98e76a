package threadpool

import (
	"log/slog"
	"time"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/log/compact"
	"github.com/ceteris/ceteris/models/telemetry"
)

// cleaner is one of Kafka's cleaner threads: it compacts the dirtiest log, then
// the next, and when none is dirty it waits. The log's lock is taken to look, and
// for the swap of segments; everything between goes on beside appends.

// compactLogs compacts until no log wants it.
func (b *Broker) compactLogs() {
	for !b.background.quitting() {
		r, run := b.beginCompaction()
		if r == nil {
			return
		}
		b.compact(r, run)
	}
}

// beginCompaction takes the dirtiest log for this cleaner; nil when there is none.
func (b *Broker) beginCompaction() (*replica, *compact.Cleaning) {
	var dirtiest *replica
	most := 0.0
	b.eachReplica(func(r *replica) {
		r.lock.LockAside()
		defer r.lock.Unlock()
		if c, ok := b.examine(r); ok && c.Ratio() > most {
			dirtiest, most = r, c.Ratio()
		}
	})
	if dirtiest == nil {
		return nil, nil
	}
	r := dirtiest
	r.leader.RLock()
	defer r.leader.RUnlock()
	r.lock.LockAside()
	defer r.lock.Unlock()
	c, ok := b.examine(r)
	if r.gone.Load() || !ok { // another cleaner was faster
		return nil, nil
	}
	r.errands.Add(1) // until the end, so that its directory stays
	r.cleaning = true
	return r, compact.Begin(compact.Options{
		FS: b.fs, Logs: b.controller.Logs(),
		BufferBytes: b.cfg.Int("log.cleaner.dedupe.buffer.size") / b.cfg.Int("log.cleaner.threads"),
		Attach:      func(s *log.Segment, path string) error { return b.openSegment(r.part.Log, s, path) },
	}, r.part.Log, c, telemetry.WallMs())
}

// examine looks at a log under its lock.
func (b *Broker) examine(r *replica) (c compact.Candidate, wanted bool) {
	cfg := r.part.Log.Config()
	if !cfg.Cleanup.Compacts() || r.cleaning || r.uncleanable || r.gone.Load() || r.part.Failed() {
		return c, false
	}
	// What recovery would look at stays as it is.
	limit := min(r.part.HighWatermark().Offset, r.synced.Load())
	c = compact.Examine(r.part.Log, r.part.Log.Compacted(), limit, telemetry.WallMs())
	return c, c.Wanted(&cfg)
}

// compact runs one round.
func (b *Broker) compact(r *replica, run *compact.Cleaning) {
	defer r.errands.Done()
	delay := time.Duration(b.cfg.Int("log.segment.delete.delay.ms")) * time.Millisecond
	for run.Need() != compact.Finished {
		if r.gone.Load() || r.part.Failed() || b.background.quitting() {
			run.GiveUp()
		}
		switch run.Need() {
		case compact.NeedIO:
			run.IO()
		case compact.NeedCPU:
			run.CPU()
		case compact.NeedSwap:
			r.lock.LockAside()
			old := run.Swap()
			r.lock.Unlock()
			for _, s := range old {
				b.background.after(delay, fileOf(s).Drop)
			}
		}
	}
	r.lock.LockAside()
	r.cleaning, r.uncleanable = false, run.Err() != nil
	r.lock.Unlock()
	if err := run.Err(); err != nil {
		slog.Error("the log is not compacted again before a restart", "error", err)
	}
}
