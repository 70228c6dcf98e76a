// Package partition is one replica of one partition: its log, its high
// watermark and whether its storage still works.
//
// The high watermark is the first offset that consumers may not see. It moves
// only when everything below it honours the broker's durability promise (and,
// with replicas, when the in-sync replicas have it), so nothing a consumer has
// read can be lost by what the promise covers. Both models advance it through
// [Partition.Durable]; they differ in who calls, not in when.
package partition

import (
	"fmt"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/log"
)

// Partition is written by one thread at a time (the owning shard, or the holder
// of the pool's log lock) and read by any.
type Partition struct {
	Topic       string
	ID          [16]byte // topic id
	Index       int32
	Log         *log.Log
	LeaderEpoch int32

	hw     log.MarkCell
	failed atomic.Bool
}

// New wraps a recovered log. Everything recovery kept is durable at every
// promise: it was read back from the device or the page cache.
func New(topic string, id [16]byte, index int32, l *log.Log, leaderEpoch int32) *Partition {
	p := &Partition{Topic: topic, ID: id, Index: index, Log: l, LeaderEpoch: leaderEpoch}
	p.hw.Store(l.EndMark())
	return p
}

// HighWatermark is where consumers stop. Any thread.
func (p *Partition) HighWatermark() log.Mark { return p.hw.Load() }

// Durable reports that every byte below m honours the durability promise. It
// returns whether the high watermark moved, which is when waiters must be
// looked at. Writer only; m never lies beyond the log's end.
func (p *Partition) Durable(m log.Mark) bool {
	if m.Offset <= p.hw.Offset() {
		return false
	}
	if end := p.Log.EndOffset(); m.Offset > end {
		panic(fmt.Sprintf("partition: durable to %d beyond the log's end %d", m.Offset, end))
	}
	p.hw.Store(m)
	return true
}

// Fail marks the storage broken: appends are refused with KAFKA_STORAGE_ERROR
// from now on, reads below the high watermark go on. A restart recovers.
func (p *Partition) Fail() { p.failed.Store(true) }

// Failed reports whether Fail was called. Any thread.
func (p *Partition) Failed() bool { return p.failed.Load() }
