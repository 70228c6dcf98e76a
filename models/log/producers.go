package log

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// producerWindow is how many of a producer's batches a repeat is recognised
// among: the most a Java producer has in flight.
const producerWindow = 5

// producers is what makes appends idempotent: of every producer the latest five
// batches. Entries live in one slab without pointers and hang in a list by the
// time they were last used; removing one leaves a hole that the next one fills.
// Writer only.
type producers struct {
	byID  map[int64]int32 // producer id -> index in slab
	slab  []producer
	free  int32 // head of the holes, linked by next; none is none
	old   int32 // the one silent longest
	young int32
	limit int
}

type producer struct {
	id               int64
	epoch            int16
	count            uint8 // batches in recent
	newest           uint8 // index of the latest in recent
	coordinatorEpoch int32
	lastMs           int64 // largest timestamp of the latest batch
	prev, next       int32
	recent           [producerWindow]sequenced
}

// sequenced is one batch of a producer.
type sequenced struct {
	lastSeq    int32
	delta      int32 // last offset minus first
	lastOffset int64
	ms         int64
}

const none int32 = -1

func (p *producers) init(limit int) {
	*p = producers{byID: map[int64]int32{}, free: none, old: none, young: none, limit: limit}
}

// addSequence moves a sequence number on; after 2^31-1 comes 0.
func addSequence(seq, n int32) int32 {
	return int32((int64(seq) + int64(n)) & math.MaxInt32)
}

// check decides about a batch of an idempotent producer and changes nothing. On
// Duplicate a holds the original's offsets.
//
// A producer that is not known may begin with any sequence: its past may have
// been forgotten by retention or expiry (Kafka since 2.4). A known one goes on
// where it stopped, or at 0 when its epoch rose; a lower epoch is fenced.
func (p *producers) check(a *Append) (Verdict, int16) {
	i, known := p.byID[a.producerID]
	if !known {
		return Write, 0
	}
	e := &p.slab[i]
	switch {
	case a.epoch < e.epoch:
		return Refused, kerr.InvalidProducerEpoch.Code
	case a.epoch > e.epoch:
		if a.firstSeq != 0 {
			return Refused, kerr.OutOfOrderSequenceNumber.Code
		}
		return Write, 0
	}
	for k := range int(e.count) {
		b := &e.recent[(int(e.newest)+producerWindow-k)%producerWindow]
		if b.lastSeq == a.lastSeq && subSequence(b.lastSeq, b.delta) == a.firstSeq {
			a.Duplicate = true
			a.Base, a.Last = b.lastOffset-int64(b.delta), b.lastOffset
			a.MaxTsMs, a.MaxTsOffset, a.LogAppendTimeMs = b.ms, b.lastOffset, b.ms
			return Duplicate, 0
		}
	}
	if e.count > 0 && addSequence(e.recent[e.newest].lastSeq, 1) != a.firstSeq {
		return Refused, kerr.OutOfOrderSequenceNumber.Code
	}
	return Write, 0
}

func subSequence(seq, n int32) int32 {
	return int32((int64(seq) - int64(n)) & math.MaxInt32)
}

// commit records an appended batch.
func (p *producers) commit(a *Append) {
	i, known := p.byID[a.producerID]
	if !known {
		i = p.add(producer{id: a.producerID, epoch: a.epoch, coordinatorEpoch: -1})
	} else {
		p.unlink(i)
		p.link(i)
	}
	e := &p.slab[i]
	if e.epoch != a.epoch {
		e.epoch, e.count = a.epoch, 0
	}
	e.lastMs = a.MaxTsMs
	e.newest = (e.newest + 1) % producerWindow
	e.count = min(e.count+1, producerWindow)
	e.recent[e.newest] = sequenced{
		lastSeq: a.lastSeq, delta: int32(a.Last - a.Base), lastOffset: a.Last, ms: a.MaxTsMs,
	}
}

// add takes in a producer as the youngest, at the price of the oldest when
// there is no room. It returns where the producer is.
func (p *producers) add(e producer) int32 {
	if len(p.byID) >= p.limit && p.old != none {
		p.remove(p.old)
	}
	i := p.free
	if i != none {
		p.free = p.slab[i].next
		p.slab[i] = e
	} else {
		i = int32(len(p.slab))
		p.slab = append(p.slab, e)
	}
	p.byID[e.id] = i
	p.link(i)
	return i
}

func (p *producers) remove(i int32) {
	p.unlink(i)
	delete(p.byID, p.slab[i].id)
	p.slab[i] = producer{next: p.free}
	p.free = i
}

func (p *producers) link(i int32) {
	e := &p.slab[i]
	e.prev, e.next = p.young, none
	if p.young != none {
		p.slab[p.young].next = i
	} else {
		p.old = i
	}
	p.young = i
}

func (p *producers) unlink(i int32) {
	e := &p.slab[i]
	if e.prev != none {
		p.slab[e.prev].next = e.next
	} else {
		p.old = e.next
	}
	if e.next != none {
		p.slab[e.next].prev = e.prev
	} else {
		p.young = e.prev
	}
}

// expire forgets the producers whose latest batch is older than the limit. All
// are looked at: the list is in order of arrival, and timestamps need not be.
func (p *producers) expire(nowMs, afterMs int64) {
	for i := p.old; i != none; {
		next := p.slab[i].next
		if nowMs-p.slab[i].lastMs >= afterMs {
			p.remove(i)
		}
		i = next
	}
}

// LastBatches is, by producer id, the last offset of the latest batch of every
// producer that is remembered: compaction keeps those batches' headers. Writer only.
func (l *Log) LastBatches() map[int64]int64 {
	p := &l.producers
	m := make(map[int64]int64, len(p.byID))
	for id, i := range p.byID {
		if e := &p.slab[i]; e.count > 0 {
			m[id] = e.recent[e.newest].lastOffset
		}
	}
	return m
}
