package threadpool

import (
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
)

// The log manager: what Kafka's LogManager and ReplicaManager do around the
// logs, on handlers (roll, open, close) and on background threads (seal,
// retention, checkpoints, deletion). Its methods are the broker's.

// OpenPartition serves a log that was created or recovered. It is the
// controller's call.
func (b *Broker) OpenPartition(t *cluster.Topic, index int32, l *log.Log) error {
	if err := b.openSegments(l); err != nil {
		closeSegments(l)
		return fmt.Errorf("open %s-%d: %w", t.Name, index, err)
	}
	parts := (*b.replicas.Load())[t.ID]
	if len(parts) <= int(index) { // room for all that are to come
		grown := make([]atomic.Pointer[replica], max(len(t.Parts), int(index)+1))
		for i := range parts {
			grown[i].Store(parts[i].Load())
		}
		next := maps.Clone(*b.replicas.Load())
		next[t.ID], parts = grown, grown
		b.replicas.Store(&next)
	}
	parts[index].Store(newReplica(b, t, index, l))
	return nil
}

// ClosePartition stops serving a partition and returns when nothing touches its
// log any more. Who waits in it is answered. It is the controller's call.
func (b *Broker) ClosePartition(t *cluster.Topic, index int32) {
	r := b.replica(t, index)
	if r == nil {
		return
	}
	parts := (*b.replicas.Load())[t.ID]
	parts[index].Store(nil)
	if !anyLeft(parts) {
		next := maps.Clone(*b.replicas.Load())
		delete(next, t.ID)
		b.replicas.Store(&next)
	}

	r.leader.Lock()
	r.gone.Store(true)
	r.leader.Unlock()
	r.settle()
	b.produces.CheckAndComplete(r.key)
	b.fetches.CheckAndComplete(r.key)
	r.errands.Wait()
	closeSegments(r.part.Log)
}

// anyLeft looks from the end, because topics go from the front.
func anyLeft(parts []atomic.Pointer[replica]) bool {
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].Load() != nil {
			return true
		}
	}
	return false
}

// Publish makes an image the current one. It is the controller's call.
func (b *Broker) Publish(im *cluster.Image) { b.image.Store(im) }

// eachReplica calls f for every partition there is now.
func (b *Broker) eachReplica(f func(*replica)) {
	for _, parts := range *b.replicas.Load() {
		for i := range parts {
			if r := parts[i].Load(); r != nil {
				f(r)
			}
		}
	}
}

// roll starts a new segment for a prepared append: the file is made here, under
// the log's lock; the old segment is sealed by a background thread. After an
// error the log ends in a segment without a file, so the caller has to call
// storageFailed before it lets go of the lock.
func (b *Broker) roll(r *replica, a *log.Append) error {
	old, fresh := r.part.Log.Roll(a)
	if err := b.createSegment(r.part.Log, fresh); err != nil {
		return err
	}
	if d := fileOf(old).directOf(); d != nil {
		d.zeros.enough.Store(true) // behind the seal's truncation they would lengthen the file again
		if b.writer == nil {       // whose it is otherwise
			fileOf(fresh).directOf().zeros.ahead = d.zeros.ahead.Follow()
		}
	}
	if b.power && r.part.HighWatermark().Offset < a.Base { // else all of it is synced, and it may be long until the next sync
		if sf := fileOf(old); sf.hold() {
			r.rolled = append(r.rolled, sf)
		}
	}
	if b.writer != nil {
		r.behind.queued.Add(1)
		b.writer.offer(writing{replica: r, segment: old, seal: true}) // behind the writes of old
		b.writer.work.Open()
	} else {
		b.sealLater(r, old)
	}
	return nil
}

// createSegment makes the file of a fresh segment.
func (b *Broker) createSegment(l *log.Log, s *log.Segment) error {
	f, err := log.CreateSegment(b.fs, l.Path(), s)
	if err != nil {
		return err
	}
	if !b.direct {
		attach(s, f)
		return nil
	}
	if err := f.Close(); err != nil {
		return err
	}
	return b.openSegment(l, s, s.Path(l.Path()))
}

// sealLater seals a segment on a background thread.
func (b *Broker) sealLater(r *replica, s *log.Segment) {
	r.errands.Add(1)
	r.chores.add(b.background, func() {
		defer r.errands.Done()
		if err := log.SealSegment(b.fs, r.part.Log.Path(), s); err != nil {
			b.storageFailed(r, err)
			return
		}
		r.syncedTo(r.part.Log.NextBase(s)) // chores keep their order, so all before s is sealed too
	})
}

// syncedTo raises the offset below which recovery need not look.
func (r *replica) syncedTo(offset int64) {
	for at := r.synced.Load(); at < offset && !r.synced.CompareAndSwap(at, offset); at = r.synced.Load() {
	}
}

// storageFailed stops appends to a partition whose storage is broken, and
// answers who waits for a sync: none will count any more. A restart recovers
// the partition. The caller may hold the log's lock, and must if the log cannot
// take another append or sync.
func (b *Broker) storageFailed(r *replica, err error) {
	r.part.Fail()
	b.storageErrors.Inc()
	b.produces.CheckAndComplete(r.key)
	slog.Error("storage failed; the partition takes no more records until a restart",
		"topic", r.part.Topic, "partition", r.part.Index, "error", err)
}

// retain applies retention to every log. What goes is deleted after a delay, as
// in Kafka, so that readers which found it before are done.
func (b *Broker) retain() {
	now := telemetry.WallMs()
	delay := time.Duration(b.cfg.Int("log.segment.delete.delay.ms")) * time.Millisecond
	b.eachReplica(func(r *replica) {
		for _, s := range b.retainLog(r, now) {
			b.background.after(delay, func() { b.drop(r, s) })
		}
	})
}

// retainLog returns the segments of one log that go. The partition stays
// meanwhile: a roll makes a file in its directory and orders a seal.
func (b *Broker) retainLog(r *replica, nowMs int64) []*log.Segment {
	r.leader.RLock()
	defer r.leader.RUnlock()
	r.lock.LockAside()
	defer r.lock.Unlock()
	if r.gone.Load() || r.part.Failed() || r.cleaning {
		return nil
	}
	hw := r.part.HighWatermark()
	if r.part.Log.ActiveExpired(nowMs, hw) {
		if err := b.roll(r, &log.Append{Base: r.part.Log.EndOffset()}); err != nil {
			b.storageFailed(r, err)
		}
	}
	return r.part.Log.Retain(nowMs, hw)
}

// drop deletes a segment behind every seal that was ordered before: a seal that
// came later would put files back. When the partition has gone meanwhile its
// directory went with it, and there may be a new one of that name.
func (b *Broker) drop(r *replica, s *log.Segment) {
	r.settle() // the writer has passed on its orders
	r.leader.RLock()
	defer r.leader.RUnlock()
	if r.gone.Load() {
		fileOf(s).Drop()
		return
	}
	r.errands.Add(1)
	r.chores.add(b.background, func() {
		defer r.errands.Done()
		fileOf(s).Drop()
		if err := log.DropSegment(b.fs, r.part.Log.Path(), s); err != nil {
			slog.Error("deleting a segment", "segment", s.Path(r.part.Log.Path()), "error", err)
		}
	})
}

// checkpoint writes the recovery points: below them a restart need not look.
func (b *Broker) checkpoint() {
	marks := make(map[log.TP]int64)
	b.eachReplica(func(r *replica) {
		marks[log.TP{Topic: r.part.Topic, Index: r.part.Index}] = r.synced.Load()
	})
	if err := b.controller.Logs().Checkpoint(marks); err != nil {
		slog.Error("writing recovery points", "error", err)
	}
}
