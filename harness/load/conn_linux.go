package load

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// request is one that is on its way.
type request struct {
	waiting
	sentNs      int64 // 0 until handed to the kernel
	sequence    uint64
	correlation int32
	valueBytes  int32
	stamped     int32 // records that took a sequence
}

// conn is one produce connection. Responses come in the order of the requests.
type conn struct {
	id, node int
	fd       int
	pending  ring[waiting]
	inflight ring[request]
	// more is the sequences of what is in flight at its other partitions, in order.
	more     ring[uint64]
	unsent   int // how many at the end of inflight were not handed to the kernel
	out      []byte
	outAt    int
	in       inbox
	last     int32 // correlation id
	turns    int64 // partitions that a closed loop has taken in turn
	blocked  bool  // the kernel's buffer is full
	watching bool  // for writability
	dirty    bool
	dead     bool
}

// mark has a connection flushed at the end of the round.
func (w *worker) mark(c *conn) {
	if !c.dirty && !c.dead {
		c.dirty = true
		w.dirty = append(w.dirty, c)
	}
}

// encode puts a request's frame into its connection's buffer.
func (w *worker) encode(c *conn, q waiting) {
	c.last++
	s := send{
		index: q.index, partition: int(q.partition), correlation: c.last, stream: c.id,
		sequence:   w.ledger.at(c.id, int(q.partition)),
		intendedNs: q.intendedNs + w.monoOff, wallMs: (q.intendedNs + w.wallOff) / 1e6,
	}
	others := w.enc.parts(s.partition)[1:]
	w.sequences = w.sequences[:0]
	for _, p := range others {
		w.sequences = append(w.sequences, w.ledger.at(c.id, int(p)))
	}
	s.more = w.sequences
	before := len(c.out)
	var values, stamped int
	c.out, values, stamped = w.enc.append(c.out, &s)
	w.ledger.issue(c.id, s.partition, stamped)
	for k, p := range others {
		w.ledger.issue(c.id, int(p), stamped)
		c.more.push(s.more[k])
	}
	w.rec.owe(&q, stamped*(1+len(others)))
	w.tally.sentBytes += int64(len(c.out) - before)
	c.inflight.push(request{waiting: q, sequence: s.sequence, correlation: c.last, valueBytes: int32(values), stamped: int32(stamped)})
	c.unsent++
	w.mark(c)
}

// flush hands every buffer to the kernel, with one write for all requests of a
// connection that were due together.
func (w *worker) flush() {
	// Writing can mark again: without acknowledgements it makes room at once.
	for i := 0; i < len(w.dirty); i++ {
		c := w.dirty[i]
		c.dirty = false
		if !c.dead && !c.blocked {
			w.write(c)
		}
	}
	w.dirty = w.dirty[:0]
}

func (w *worker) write(c *conn) {
	if c.outAt == len(c.out) {
		return
	}
	now := telemetry.Now()
	for i := c.inflight.n - c.unsent; i < c.inflight.n; i++ {
		q := c.inflight.at(i)
		q.sentNs = now
		w.sent(&q.waiting, now)
	}
	c.unsent = 0
	for c.outAt < len(c.out) {
		n, err := kernel.Send(c.fd, c.out[c.outAt:], false)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			c.blocked, c.watching = true, true
			if err := w.poll.watch(c.fd, int32(c.id), true); err != nil {
				w.kill(c, err)
			}
			return
		}
		if err != 0 {
			w.kill(c, os.NewSyscallError("sendto", err))
			return
		}
		c.outAt += n
	}
	c.out, c.outAt = c.out[:0], 0
	if err := w.quiet(c); err != nil {
		w.kill(c, err)
		return
	}
	if w.o.W.Acks == 0 {
		// Nobody answers: the kernel's taking it is all there is to time.
		at := telemetry.Now()
		for c.inflight.n > 0 {
			q := c.inflight.pop()
			w.acknowledge(c, &q, at)
		}
		w.refill(c)
	}
}

// quiet stops watching for writability once the buffer is empty.
func (w *worker) quiet(c *conn) error {
	if !c.watching {
		return nil
	}
	c.watching = false
	return w.poll.watch(c.fd, int32(c.id), false)
}

// receive reads responses; all that one read brings carry its time.
func (w *worker) receive(c *conn) {
	if c.dead {
		return
	}
	n, err := c.in.fill(c.fd)
	if err != nil {
		w.kill(c, err)
		return
	}
	if n == 0 {
		return
	}
	at := telemetry.Now()
	for {
		correlation, body, ok := c.in.next()
		if !ok {
			break
		}
		if err := w.answer(c, correlation, body, at); err != nil {
			w.kill(c, err)
			return
		}
	}
	w.refill(c)
}

// refill sends what waited for room under the cap.
func (w *worker) refill(c *conn) {
	for c.pending.n > 0 && c.inflight.n < w.o.W.Inflight && !c.dead {
		w.encode(c, c.pending.pop())
	}
}

func (w *worker) answer(c *conn, correlation int32, body []byte, at int64) error {
	if c.inflight.n-c.unsent == 0 {
		return fmt.Errorf("%w: correlation id %d answers no request", errOrder, correlation)
	}
	q := c.inflight.pop()
	if q.correlation != correlation {
		w.fail(c, &q, transportError)
		return fmt.Errorf("%w: correlation id: got %d, want %d", errOrder, correlation, q.correlation)
	}
	code, err := w.outcome(&q, body)
	if err != nil {
		w.fail(c, &q, transportError)
		return err
	}
	if code != 0 {
		w.fail(c, &q, codeName(code))
		return nil
	}
	w.acknowledge(c, &q, at)
	return nil
}

// outcome reads a produce response: the first error of its partitions.
func (w *worker) outcome(q *request, body []byte) (int16, error) {
	parts := w.enc.parts(int(q.partition))
	if len(parts) == 1 {
		a, err := parseProduce(body)
		if err == nil && a.code == 0 {
			w.raise(int(q.partition), a.baseOffset+int64(w.o.W.RecordsPerBatch))
		}
		return a.code, err
	}
	w.produced = producedParts{w: w, topic: int(q.partition) / w.o.W.Partitions}
	n, err := eachProduced(body, w.onProduced)
	if err == nil && n != len(parts) {
		err = fmt.Errorf("%w: Produce answers %d partitions, want %d", errMalformed, n, len(parts))
	}
	return w.produced.code, errors.Join(err, w.produced.bad)
}

// producedParts is a produce response with several partitions while it is read.
type producedParts struct {
	w     *worker
	topic int
	code  int16
	bad   error
}

func (p *producedParts) part(partition int32, a produceAnswer) {
	per := p.w.o.W.Partitions
	switch {
	case partition < 0 || int(partition) >= per:
		p.bad = fmt.Errorf("%w: Produce names partition %d unasked", errMalformed, partition)
	case a.code != 0:
		if p.code == 0 {
			p.code = a.code
		}
	default:
		p.w.raise(p.topic*per+int(partition), a.baseOffset+int64(p.w.o.W.RecordsPerBatch))
	}
}

// acknowledge settles a request that succeeded.
func (w *worker) acknowledge(c *conn, q *request, at int64) {
	parts := w.enc.parts(int(q.partition))
	for range parts[1:] {
		c.more.pop()
	}
	if w.o.W.Acks == 0 {
		for _, p := range parts {
			w.expect(int(p), w.o.W.RecordsPerBatch)
		}
	}
	w.answered(&q.waiting, q.sentNs, at, c.id)
	if q.measured {
		w.tally.records += int64(w.o.W.RecordsPerBatch * len(parts))
		w.tally.valueBytes += int64(q.valueBytes)
	}
}

// fail settles a request that did not succeed.
func (w *worker) fail(c *conn, q *request, name string) {
	w.disown(c, q)
	if q.correlation == 0 {
		w.withhold(&q.waiting)
	}
	w.failed(&q.waiting, q.sentNs, telemetry.Now(), int64(w.o.Timeout), c.id, name)
}

// withhold notes that consumers were to get the records of a request that is never
// encoded.
func (w *worker) withhold(q *waiting) {
	w.rec.owe(q, w.enc.stampable(q.index)*len(w.enc.parts(int(q.partition))))
}

// disown notes that the records of a request that was encoded may or may not be in
// the log.
func (w *worker) disown(c *conn, q *request) {
	if q.correlation == 0 {
		return
	}
	w.ledger.disown(c.id, int(q.partition), q.sequence, int(q.stamped))
	for _, p := range w.enc.parts(int(q.partition))[1:] {
		w.ledger.disown(c.id, int(p), c.more.pop(), int(q.stamped))
	}
}
