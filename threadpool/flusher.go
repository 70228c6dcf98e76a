package threadpool

import "github.com/ceteris/ceteris/models/telemetry"

// flushLogs is Kafka's log flusher, which by default never comes: it brings
// what is in the page cache to the device, on a background thread and with no
// lock held, and raises the recovery points. Nobody's acknowledgement waits for
// it; at durability=power there is nothing left for it to do.
func (b *Broker) flushLogs() {
	dueNs := millis(b.cfg.Int("log.flush.interval.ms")).Nanoseconds()
	b.eachReplica(func(r *replica) {
		if telemetry.Now()-r.flushedNs.Load() < dueNs {
			return
		}
		r.leader.RLock()
		defer r.leader.RUnlock()
		if r.gone.Load() {
			return
		}
		r.errands.Add(1)
		r.chores.add(b.background, func() { // behind the seals that were ordered before
			defer r.errands.Done()
			b.flushLog(r)
		})
	})
}

func (b *Broker) flushLog(r *replica) {
	r.lock.LockAside()
	l := r.part.Log
	if r.gone.Load() || r.part.Failed() || l.EndOffset() <= r.synced.Load() {
		r.lock.Unlock()
		return
	}
	mark, files := l.EndMark(), r.filesToSync()
	// A segment that was rolled a moment ago may still wait for its seal, and the
	// recovery point may not pass it.
	whole := r.synced.Load() >= l.ActiveSegment().Base
	r.lock.Unlock()

	r.settle() // durability=memory: what was acknowledged up to mark is in the page cache
	if err := syncAll(files); err != nil {
		r.lock.LockAside()
		b.storageFailed(r, err)
		r.lock.Unlock()
		return
	}
	r.flushedNs.Store(telemetry.Now())
	if whole && r.lost.Load() == nil {
		r.syncedTo(mark.Offset)
	}
}
