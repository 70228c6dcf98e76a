package tpc

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

// simWriter is an idempotent producer of one client: what was not acknowledged
// is sent again, in order and under the same sequence numbers, until it is.
type simWriter struct {
	c      *simClient
	id     int64
	epoch  int16
	asking bool
	queues map[simPart]*simQueue
	order  []simPart
}

// simQueue is what a writer has for one partition.
type simQueue struct {
	part    simPart
	nextSeq int32
	batches []*simBatch // oldest first, none acknowledged
	flying  int
	broken  bool // nothing is sent until nothing is in flight any more
	dead    bool // the partition is gone, or its storage, or the order
	acked   bool // something was acknowledged
}

type simBatch struct {
	bytes []byte
	first uint64
	count int
	sent  bool
	tries int
	life  int // of the broker that it was first sent to
}

func (p *simWriter) forget() { p.id, p.queues, p.order, p.asking = -1, nil, nil, false }

// ask sends something if there is anything to send.
func (p *simWriter) ask() bool {
	w := p.c.w
	if p.id < 0 {
		if p.asking {
			return false
		}
		p.asking = true
		req := kmsg.NewPtrInitProducerIDRequest()
		p.c.send(req, 4, func(resp kmsg.Response) {
			p.asking = false
			if r, ok := resp.(*kmsg.InitProducerIDResponse); ok && r.ErrorCode == 0 {
				p.forget()
				p.id, p.epoch, p.queues = r.ProducerID, r.ProducerEpoch, map[simPart]*simQueue{}
			}
		})
		return true
	}
	var again []*simQueue
	for _, k := range p.order {
		if q := p.queues[k]; !q.dead && q.ready() && p.c.serves(k) {
			again = append(again, q)
		}
	}
	if len(again) > 0 && w.chance(70) {
		return p.sendNext(again[w.rng.IntN(len(again))])
	}
	topics := w.model.usable()
	if w.calm || len(topics) == 0 {
		return len(again) > 0 && p.sendNext(again[w.rng.IntN(len(again))])
	}
	k := p.c.somePart()
	q := p.queues[k]
	if q == nil {
		q = &simQueue{part: k}
		p.queues[k], p.order = q, append(p.order, k)
	}
	if q.dead || q.broken || len(q.batches) >= 4 {
		return false
	}
	b, first, count := p.c.batch(k.topic, k.index)
	binary.BigEndian.PutUint64(b[43:], uint64(p.id))
	binary.BigEndian.PutUint16(b[51:], uint16(p.epoch))
	binary.BigEndian.PutUint32(b[53:], uint32(q.nextSeq))
	binary.BigEndian.PutUint32(b[17:], batch.Checksum(b))
	q.nextSeq += int32(count)
	q.batches = append(q.batches, &simBatch{bytes: b, first: first, count: count})
	return p.sendNext(q)
}

// ready tells whether a batch waits to be sent.
func (q *simQueue) ready() bool {
	if q.broken && q.flying > 0 {
		return false
	}
	for _, b := range q.batches {
		if !b.sent {
			return true
		}
	}
	return false
}

func (p *simWriter) sendNext(q *simQueue) bool {
	if !q.ready() {
		return false
	}
	q.broken = false
	for _, b := range q.batches {
		if b.sent {
			continue
		}
		b.sent = true
		if b.tries++; b.tries == 1 {
			b.life = p.c.w.life
		}
		if b.tries > 1 {
			p.c.w.cover.hit("batch sent again")
		}
		q.flying++
		p.c.w.note("client %d: %v: sends records %d to %d", p.c.id, q.part, b.first, b.first+uint64(b.count)-1)
		id := p.id
		req := simProduce(q.part, -1, b.bytes)
		p.c.send(req, 9, func(resp kmsg.Response) {
			q.flying--
			if p.id == id {
				p.answered(q, b, resp)
			}
		})
		return true
	}
	return false
}

func (p *simWriter) answered(q *simQueue, b *simBatch, resp kmsg.Response) {
	m := p.c.w.model
	if resp == nil {
		p.again(q)
		return
	}
	r := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	m.w.note("client %d: %v: records %d to %d, code %d, offset %d", p.c.id, q.part, b.first, b.first+uint64(b.count)-1, r.ErrorCode, r.BaseOffset)
	switch r.ErrorCode {
	case 0:
		for i := range b.count {
			m.bind(q.part.topic, q.part.index, r.BaseOffset+int64(i), b.first+uint64(i), "acknowledged")
		}
		p.c.w.cover.hit("idempotent batch acknowledged")
		if q.batches[0] != b {
			// A log that knows nothing of a producer accepts any sequence, as Kafka's
			// does: when the first batch is refused, the one behind it may go ahead.
			if q.acked && !q.dead {
				m.w.fail("client %d: %v: a batch was acknowledged before the one it follows", p.c.id, q.part)
			}
			q.dead = true
		}
		q.acked = true
		p.done(q, b)
	case kerr.DuplicateSequenceNumber.Code:
		p.done(q, b)
	case codeUnknown, codeStorage, kerr.RecordListTooLarge.Code:
		q.dead = true
	case codeExhausted:
		p.c.w.cover.hit("append refused")
		p.again(q)
	case codeNotLeader:
		p.c.misrouted(q.part)
		p.again(q)
	case kerr.OutOfOrderSequenceNumber.Code:
		switch {
		case q.batches[0] != b:
		case b.life != m.w.life:
			// It may be there: what a clean stop leaves of a producer's batches, as
			// Kafka's does, is the last.
			q.dead = true
			return
		default:
			m.w.fail("client %d: the oldest batch of %v that is not acknowledged is out of order", p.c.id, q.part)
		}
		p.again(q)
	default:
		m.w.fail("client %d: produce to %v: code %d", p.c.id, q.part, r.ErrorCode)
	}
}

// again has everything that is not acknowledged sent once more, when nothing is
// in flight.
func (p *simWriter) again(q *simQueue) {
	q.broken = true
	for _, b := range q.batches {
		b.sent = false
	}
}

// done takes an acknowledged batch off. Those before it are acknowledged too: it
// would have been out of order otherwise; but their answers say where they are.
func (p *simWriter) done(q *simQueue, b *simBatch) {
	for i := range q.batches {
		if q.batches[i] == b {
			q.batches = append(q.batches[:i:i], q.batches[i+1:]...)
			return
		}
	}
}

func simProduce(k simPart, acks int16, records []byte) *kmsg.ProduceRequest {
	return produceRequest(k.topic, k.index, acks, records)
}
