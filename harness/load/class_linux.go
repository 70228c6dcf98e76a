package load

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// mix is one class of requests beside the produce load, as the one thread that
// serves it sees it. Its times are recorded like the produce requests'.
type mix struct {
	class  *workloads.Class
	sched  *workloads.Schedule
	rec    *recorder
	tally  *tally
	ops    ops
	askers []*asker
	turn   int

	next   int64
	nextAt int64 // never when there is none
}

// ops is what a class asks and makes of the answers.
type ops interface {
	// frame appends request i to a leader, without its correlation id, to dst.
	// partition is handed back with the answer.
	frame(dst []byte, i int64, leader int) (out []byte, partition int32)
	// answer looks at what came back behind the correlation id: the error code,
	// and the bytes that were wanted.
	answer(partition int32, body []byte) (code int16, bytes int64, err error)
}

// ask is a request of a class on its way.
type ask struct {
	waiting
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
		if m.ops, err = r.newOps(c); err != nil {
			return nil, err
		}
		for n := range c.Connections {
			node := r.leaders[n%len(r.leaders)]
			addr := r.cl.addrs[node]
			k := &asker{
				w: w, m: m, node: node, id: int32(len(w.conns) + len(w.tails) + len(w.askers)), fd: -1,
				in: newInbox(64 << 10), inflight: newRing[ask](c.Inflight), pending: newRing[waiting](64),
			}
			if c.Name == workloads.Reconnect {
				if k.to, err = sockaddr(addr); err != nil {
					return nil, err
				}
			} else {
				if k.fd, err = dialRaw(ctx, addr); err != nil {
					return nil, err
				}
				if err := w.poll.add(k.fd, k.id); err != nil {
					return nil, fmt.Errorf("load: %w", err)
				}
			}
			m.askers, w.askers = append(m.askers, k), append(w.askers, k)
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
		k := m.askers[m.turn]
		m.turn = (m.turn + 1) % len(m.askers)
		q := waiting{index: m.next, intendedNs: m.nextAt, measured: m.rec.measured(m.nextAt)}
		if q.measured {
			m.tally.intended++
		}
		switch {
		case k.dead:
			k.fail(&ask{waiting: q}, transportError)
		case k.pending.n > 0 || k.inflight.n >= m.class.Inflight:
			if q.measured {
				m.tally.capHits++
			}
			if w.o.W.Late == workloads.DropLate {
				k.drop(q)
			} else {
				k.pending.push(q)
			}
		default:
			k.start(q)
		}
		m.next++
		m.advance(w)
	}
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

// giveUp censors what is still waiting.
func (m *mix) giveUp(now int64) {
	for _, k := range m.askers {
		for k.inflight.n > 0 {
			q := k.inflight.pop()
			if q.measured {
				m.tally.outstanding++
			}
			k.censor(&q, now-q.intendedNs, now-q.sentNs)
		}
		for k.pending.n > 0 {
			q := ask{waiting: k.pending.pop()}
			if q.measured {
				m.tally.unsent++
			}
			k.censor(&q, now-q.intendedNs, 0)
		}
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

// drop leaves a request out whose connection is at its cap.
func (k *asker) drop(q waiting) {
	if q.measured {
		k.m.tally.unsent++
	}
	k.censor(&ask{waiting: q}, int64(k.w.o.Timeout), 0)
}

// elapsed is what a failed request is recorded at: at least the timeout.
func (k *asker) elapsed(q *ask) int64 {
	return max(telemetry.Now()-q.intendedNs, int64(k.w.o.Timeout))
}
