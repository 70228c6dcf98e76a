package threadpool

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
	"github.com/ceteris/ceteris/threadpool/purgatory"
)

// replica is one partition with the locks that Kafka has around it.
//
//	leader  leaderIsrUpdateLock: shared by every append and read, exclusive
//	        when the partition goes away
//	lock    the log's: held over validation, offset assignment, roll, write and
//	        commit; reads do not take it
type replica struct {
	part   *partition.Partition
	key    purgatory.Key
	gogo   bool
	leader kernel.RWMutex
	gone   atomic.Bool // written under leader
	lock   kernel.Mutex

	// Below is guarded by lock.
	rolled      []*segmentFile // rolled since the last sync, each with a reference
	syncing     bool           // a handler syncs the log, or is going to
	cleaning    bool           // a cleaner compacts the log: segments may not go
	uncleanable bool           // compaction has failed

	flushedNs atomic.Int64 // when the log flusher was last here

	synced  atomic.Int64             // offset below which everything is on the device
	behind  backlog                  // durability=memory: writes on their way
	writer  *writer                  // durability=memory
	lost    atomic.Pointer[log.Mark] // durability=memory: where the first write that failed begins
	errands sync.WaitGroup           // background work on the log's files
	chores  chores                   // the same, in order
}

func newReplica(b *Broker, t *cluster.Topic, index int32, l *log.Log) *replica {
	r := &replica{
		part: partition.New(t.Name, t.ID, index, l, t.Parts[index].LeaderEpoch),
		key:  purgatory.Key{Topic: t.ID, Partition: index},
		gogo: b.gogo, writer: b.writer,
	}
	r.leader.Go(b.gogo)
	r.lock.Go(b.gogo)
	r.leader.Of(&b.locks.leader)
	r.lock.Of(&b.locks.log)
	r.synced.Store(l.ActiveSegment().Base) // what recovery kept of the active segment may be in the page cache only
	return r
}

// append runs one part of a Produce request: everything between taking the
// partition's locks and letting them go. The part is Done afterwards unless it
// has to wait for a sync.
func (h *handler) append(r *replica, pp *api.ProducePart) {
	r.leader.RLock()
	defer r.leader.RUnlock()
	if r.gone.Load() {
		pp.Apply(nil, &h.validator, 0)
		return
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	switch pp.Apply(r.part, &h.validator, telemetry.WallMs()) {
	case log.Refused:
		return
	case log.Duplicate:
		if r.part.HighWatermark().Offset >= pp.NeedOffset {
			pp.Finish(r.part, 0)
		}
		return
	case log.RollThenWrite:
		if err := h.broker.roll(r, &pp.Append); err != nil {
			h.broker.storageFailed(r, err)
			pp.Finish(nil, codeStorage)
			return
		}
	case log.Write:
	}
	if err := h.write(r, pp); err != nil {
		h.broker.storageFailed(r, err)
		pp.Finish(nil, codeStorage)
	}
}

// write puts the batch where the durability promise wants it, commits it and
// moves the high watermark as far as the promise holds.
//
// It is one write from the request's own buffer, and the file grows by it: Kafka
// does not preallocate either, and with 256 MiB of fallocated blocks the same
// load took the same processor time (six pairs, 16 connections with 16 KiB each:
// -11 … +6 %); what an append costs here is the page cache's own pages.
func (h *handler) write(r *replica, pp *api.ProducePart) error {
	b := h.broker
	a := &pp.Append
	if b.writer != nil {
		b.writer.put(r, pp, h.current)
	} else if n, err := h.writeNow(r, a, pp.Records); err != nil {
		return fmt.Errorf("append of %d bytes to %s at %d: %d written: %w", len(pp.Records), a.Seg.Path(r.part.Log.Path()), a.Pos, n, err)
	}
	r.part.Log.Commit(a)
	b.at(stepAppended, h.current)
	switch {
	case b.power && b.syncEach:
		h.flush()
		h.seat.rest()
		err := r.syncNow(a.End())
		h.seat.rise()
		if err != nil {
			return err
		}
	case b.power:
		return nil // the group's sync finishes the part
	}
	if r.part.Durable(a.End()) {
		h.actions = append(h.actions, r)
	}
	pp.Finish(r.part, 0)
	return nil
}

// writeNow writes the batch on this thread. A device takes long enough for others
// to have its processor meanwhile, and for what the handler owes them to come first.
func (h *handler) writeNow(r *replica, a *log.Append, records []byte) (int, error) {
	d := fileOf(a.Seg).directOf()
	if d == nil {
		return a.Seg.File.WriteAt(records, a.Pos)
	}
	h.flush()
	h.seat.rest()
	n, err := d.WriteAt(records, a.Pos)
	h.seat.rise()
	if err == nil {
		h.broker.prewrite(r, d)
	}
	return n, err
}

// replicaSet is every partition of the broker by topic id. The map and the
// lengths are immutable, the controller replaces the set; partitions come and go
// in their places, so that ten thousand of one topic are not copied for each.
type replicaSet map[[16]byte][]atomic.Pointer[replica]

// replica finds a partition, nil when it is not here. Any thread.
func (b *Broker) replica(t *cluster.Topic, index int32) *replica {
	if t == nil {
		return nil
	}
	parts := (*b.replicas.Load())[t.ID]
	if index < 0 || int(index) >= len(parts) {
		return nil
	}
	return parts[index].Load()
}
