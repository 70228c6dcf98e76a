package load

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/workloads"
)

// mix is one class of requests beside the produce load, as the one thread that
// serves it sees it. Its times are recorded like the produce requests'.
type mix struct {
	books
	class  *workloads.Class
	sched  *workloads.Schedule
	ops    ops
	askers []*asker
	turn   turns
	// byNode are the askers of each leader, and nodeTurn whose turn it is.
	byNode   [][]*asker
	nodeTurn []turns
	to       []unix.Sockaddr // of every leader, where connections live for one request

	next   int64
	nextAt int64 // never when there is none
}

// ops is what a class asks and makes of the answers.
type ops interface {
	// partition is the one that request i concerns; anywhere of one that every leader
	// can answer.
	partition(i int64) int32
	// frame appends a request about a partition, without its correlation id, to dst.
	// What it asks for is handed back with the answer.
	frame(dst []byte, partition int32) (out []byte, what asked)
	// answer looks at what came back behind the correlation id: the error code,
	// and the bytes that were wanted.
	answer(what asked, body []byte) (code int16, bytes int64, err error)
}

// asked is what a request is for.
type asked struct {
	partition int32
	offset    int64
}

// anywhere is no partition.
const anywhere = -1

// turns counts through a list.
type turns int

func (t *turns) of(askers []*asker) *asker {
	k := askers[*t]
	*t = (*t + 1) % turns(len(askers))
	return k
}

// ask is a request of a class on its way.
type ask struct {
	waiting
	what        asked
	sentNs      int64 // 0 until handed to the kernel
	correlation int32
}

// attachMixes connects the classes, each with all its connections on one thread.
func (r *run) attachMixes(ctx context.Context, workers []*worker) ([]*mix, error) {
	var out []*mix
	for i := range r.o.W.Classes {
		c := &r.o.W.Classes[i]
		w := workers[i%len(workers)]
		m := &mix{class: c}
		var err error
		if m.sched, err = c.Schedule(r.o.Seed); err != nil {
			return nil, fmt.Errorf("load: class %s: %w", c.Name, err)
		}
		m.tally = r.newTally(m.sched)
		m.log = r.newRequestLog(c.Name, m.sched, 1)
		if m.ops, err = r.newOps(c); err != nil {
			return nil, err
		}
		if c.Name == workloads.Reconnect {
			for _, node := range r.leaders {
				to, err := sockaddr(r.cl.addrs[node])
				if err != nil {
					return nil, err
				}
				m.to = append(m.to, to)
			}
		}
		connections := c.Connections
		if m.ops.partition(0) != anywhere {
			connections = max(connections, len(r.leaders)) // each answers for its own partitions only
		}
		m.byNode, m.nodeTurn = make([][]*asker, len(r.cl.addrs)), make([]turns, len(r.cl.addrs))
		for n := range connections {
			node := r.leaders[n%len(r.leaders)]
			addr := r.cl.addrs[node]
			k := &asker{
				w: w, m: m, number: n, id: int32(len(w.conns) + len(w.tails) + len(w.askers)), fd: -1,
				in: newInbox(64 << 10), inflight: newRing[ask](c.Inflight), pending: newRing[waiting](64),
			}
			if !k.brief() {
				if k.fd, err = dialRaw(ctx, addr); err != nil {
					return nil, err
				}
				if err := w.poll.add(k.fd, k.id); err != nil {
					return nil, fmt.Errorf("load: %w", err)
				}
			}
			m.askers, w.askers = append(m.askers, k), append(w.askers, k)
			m.byNode[node] = append(m.byNode[node], k)
		}
		w.mixes = append(w.mixes, m)
		out = append(out, m)
	}
	return out, nil
}

// sockaddr is an address as the kernel takes it.
func sockaddr(addr string) (unix.Sockaddr, error) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("load: broker %s: %w", addr, err)
	}
	if v4 := a.IP.To4(); v4 != nil {
		return &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(v4)}, nil
	}
	return &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP.To16())}, nil
}

// advance finds the next request of the window.
func (m *mix) advance(w *worker) {
	at := w.t0 + m.sched.At(m.next)
	if at >= w.endNs {
		m.nextAt = never
		return
	}
	if at >= w.startNs && m.tally.sends.first < 0 {
		m.tally.sends.first = m.next
	}
	m.nextAt = at
}

// admit takes up every request that is due.
func (m *mix) admit(w *worker, now int64) {
	for range maxAdmitted {
		if m.nextAt > now {
			return
		}
		k, q := m.take(w)
		switch {
		case k.dead:
			k.fail(&ask{waiting: q}, transportError)
		case k.pending.n > 0 || k.inflight.n >= m.class.Inflight:
			m.capped(&q)
			if w.o.W.Late == workloads.DropLate {
				m.dropped(&q, int64(w.o.Timeout), k.number)
			} else {
				k.pending.push(q)
			}
		default:
			k.start(q)
		}
	}
}

// take counts the next request as due and goes on to the one after it.
func (m *mix) take(w *worker) (*asker, waiting) {
	q := waiting{index: m.next, intendedNs: m.nextAt, measured: m.rec.measured(m.nextAt), partition: m.ops.partition(m.next)}
	var k *asker
	if q.partition == anywhere {
		q.partition = 0
		k = m.turn.of(m.askers)
	} else {
		node := w.cl.leader[q.partition]
		k = m.nodeTurn[node].of(m.byNode[node])
	}
	m.due(&q)
	m.next++
	m.advance(w)
	return k, q
}

// settled reports whether everything due has been answered.
func (m *mix) settled() bool {
	if m.nextAt != never {
		return false
	}
	for _, k := range m.askers {
		if k.pending.n+k.inflight.n > 0 {
			return false
		}
	}
	return true
}

// giveUp censors what is still waiting, and what was due and never taken up.
func (m *mix) giveUp(w *worker, now int64) {
	for _, k := range m.askers {
		k.leave()
		for k.inflight.n > 0 {
			q := k.inflight.pop()
			m.givenUp(&q.waiting, q.sentNs, now, k.number)
		}
		for k.pending.n > 0 {
			q := k.pending.pop()
			m.givenUp(&q, 0, now, k.number)
		}
	}
	for m.nextAt != never {
		k, q := m.take(w)
		m.givenUp(&q, 0, now, k.number)
	}
}

// dueAt is when the thread has to send something.
func (w *worker) dueAt() int64 {
	at := w.nextAt
	for _, m := range w.mixes {
		at = min(at, m.nextAt)
	}
	return at
}

// admitMixes takes up what is due of every class.
func (w *worker) admitMixes(now int64) {
	for _, m := range w.mixes {
		m.admit(w, now)
	}
	// A connection that could not be made leaves the next in line.
	for _, k := range w.askers {
		if k.fd < 0 && k.pending.n > 0 {
			k.refill()
		}
	}
}

// closeAskers ends the connections of the classes.
func (w *worker) closeAskers() {
	for _, k := range w.askers {
		if k.fd >= 0 {
			_ = unix.Close(k.fd)
		}
	}
}

// summary is what the class came to.
func (m *mix) summary(r *run) ClassSummary {
	t := m.tally
	s := ClassSummary{
		Class: m.class.Name, OfferedPerSec: m.class.PerSecond, Intended: t.intended, Sent: t.sent, Acked: t.acked,
		Errors: t.errors, Failed: t.failed, Outstanding: t.outstanding, Unsent: t.unsent, CapHits: t.capHits,
		Censored: t.failed + t.outstanding + t.unsent, Clamped: m.rec.clamped, Negative: m.rec.negative, Bytes: t.fetchedBytes,
		Response: quantiles(m.rec.total(response)), Service: quantiles(m.rec.total(service)), Slip: quantiles(m.rec.total(slip)),
	}
	for i := range t.sends.at {
		t.sends.at[i] -= r.t0
	}
	s.Arrivals = checkArrivals(m.class.Arrivals, m.class.PerSecond, m.sched, max(t.sends.first, 0), t.sends.at)
	if s.Acked+s.Censored != s.Intended || s.Response.Count != s.Intended {
		panic(fmt.Sprintf("load: class %s: %d requests intended, %d settled, %d response times", s.Class, s.Intended, s.Acked+s.Censored, s.Response.Count))
	}
	return s
}
