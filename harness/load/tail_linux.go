package load

import (
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
)

// tail is a tail consumer's connection to one leader: it long-polls the
// partitions that are led there, one request at a time.
type tail struct {
	id    int32 // in the poller
	fd    int
	node  int
	parts []int   // topic*partitions + partition
	at    []int64 // fetch offset of each of parts
	slot  []int   // index into parts by partition; -1: not ours
	req   *fetchRequest
	out   []byte // what of the request the kernel has not taken
	in    inbox
	corr  int32
	audit *auditor
	// retryAt is when to fetch again after an error; 0 while a fetch is out.
	retryAt int64
	dead    bool
	drain   drain

	// The response being read.
	current  int // index into parts
	receipt  int64
	failed   bool
	onPart   func(*fetched)
	onValue  func([]byte)
	bad      error
	sinceDue int
}

const (
	retryNs = 10_000_000
	// dueEvery is how many records are checked between two looks at the schedule.
	dueEvery = 32
)

func newTail(w *worker, id int32, fd, node int, audit *auditor) *tail {
	t := &tail{id: id, fd: fd, node: node, parts: w.partsOf[node], audit: audit, in: newInbox(2 * maxRead)}
	t.slot = make([]int, len(w.cl.leader))
	for i := range t.slot {
		t.slot[i] = -1
	}
	for k, p := range t.parts {
		t.slot[p] = k
		t.at = append(t.at, w.cl.start[p])
	}
	t.req = newFetchRequest(w.cl.topics, w.o.W.Partitions, t.parts)
	t.onPart = func(f *fetched) { t.partition(w, f) }
	t.onValue = func(v []byte) { t.value(w, v) }
	return t
}

// fetch asks for what follows, or waits until consumers go on.
func (t *tail) fetch(w *worker) {
	if w.o.W.ConsumersPause > 0 && !t.drain.fetching(t, w, telemetry.Now()) {
		t.retryAt = w.resumeNs
		return
	}
	t.corr++
	t.retryAt = 0
	t.req.set(t.corr, func(k int) int64 { return t.at[k] })
	t.out = t.req.bytes
	w.tally.fetches++
	t.push(w)
}

// push writes the rest of the request; a full buffer is waited for.
func (t *tail) push(w *worker) {
	for len(t.out) > 0 {
		n, err := unix.Write(t.fd, t.out)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if err := w.poll.watch(t.fd, t.id, true); err != nil {
				t.end(w, err)
			}
			return
		case err != nil:
			t.end(w, os.NewSyscallError("write", err))
			return
		default:
			t.out = t.out[n:]
		}
	}
}

func (t *tail) ready(w *worker) {
	if t.dead {
		return
	}
	if len(t.out) > 0 {
		if t.push(w); len(t.out) == 0 && !t.dead {
			if err := w.poll.watch(t.fd, t.id, false); err != nil {
				t.end(w, err)
			}
		}
	}
	n, err := t.in.fill(t.fd)
	if err != nil {
		t.end(w, err)
		return
	}
	if n == 0 {
		return
	}
	at := telemetry.Now()
	corr, body, ok := t.in.next()
	if !ok {
		return
	}
	if corr != t.corr {
		t.end(w, fmt.Errorf("%w: correlation id of a fetch: got %d, want %d", errOrder, corr, t.corr))
		return
	}
	t.receipt, t.failed, t.bad = at, false, nil
	code, err := parseFetch(body, t.onPart)
	if err = errors.Join(err, t.bad); err != nil {
		t.end(w, err)
		return
	}
	if code != 0 {
		w.tally.fetchErrors++
		w.tally.errors["fetch "+codeName(code)]++
		t.failed = true
	}
	t.drain.received(t)
	if t.failed {
		t.retryAt = at + retryNs
		return
	}
	t.fetch(w)
}

// retry fetches again once an error is old enough.
func (t *tail) retry(w *worker, now int64) {
	if t.retryAt != 0 && now >= t.retryAt && !t.dead {
		t.fetch(w)
	}
}

// partition reads what a response holds of one partition.
func (t *tail) partition(w *worker, f *fetched) {
	k := t.find(w, f)
	if k < 0 {
		t.bad = errors.Join(t.bad, fmt.Errorf("%w: Fetch names topic %q partition %d unasked", errMalformed, f.topic, f.partition))
		return
	}
	if f.code != 0 {
		w.tally.fetchErrors++
		w.tally.errors["fetch "+codeName(f.code)]++
		t.failed = true
		if f.code == kerr.OffsetOutOfRange.Code {
			t.bad = errors.Join(t.bad, fmt.Errorf("offset %d of partition %d is out of range", t.at[k], f.partition))
		}
		return
	}
	t.current = k
	next, err := eachValue(f.records, t.at[k], t.onValue)
	w.tally.fetchedBytes += int64(len(f.records))
	t.drain.bytes += int64(len(f.records))
	t.at[k] = next
	if err != nil {
		w.tally.bad++
		t.bad = errors.Join(t.bad, err)
	}
}

func (t *tail) find(w *worker, f *fetched) int {
	if f.partition < 0 || int(f.partition) >= w.o.W.Partitions {
		return -1
	}
	for i, name := range w.cl.topics {
		if name == string(f.topic) {
			return t.slot[i*w.o.W.Partitions+int(f.partition)]
		}
	}
	return -1
}

// value checks one record.
func (t *tail) value(w *worker, v []byte) {
	w.tally.fetched++
	if t.sinceDue++; t.sinceDue >= dueEvery {
		t.sinceDue = 0
		w.serveDue()
	}
	if len(v) < headerBytes {
		w.tally.unstamped++
		return
	}
	intended, stream, sequence, ok := unstamp(v)
	if !ok {
		w.tally.bad++
		return
	}
	t.audit.see(stream, t.parts[t.current], sequence)
	if intended -= w.monoOff; w.rec.measured(intended) {
		w.rec.record(endToEnd, intended, t.receipt-intended)
	}
}

// drained reports whether everything acknowledged has been fetched.
func (t *tail) drained(w *worker) bool {
	if t.dead {
		w.tally.drained = false // and never will be: nothing to wait for
		return true
	}
	for k, p := range t.parts {
		if t.at[k] < w.target[p].Load() {
			return false
		}
	}
	return true
}

// end gives the connection up. The records it misses are counted as lost, and
// the error tells why.
func (t *tail) end(w *worker, why error) {
	if t.dead {
		return
	}
	t.dead = true
	t.bad = why
	w.poll.remove(t.fd)
	w.tally.fetchErrors++
	w.tally.errors["fetch "+transportError]++
}
