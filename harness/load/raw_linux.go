package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/workloads"
)

const maxThreads = 16

// runRaw offers the load with the raw driver.
func runRaw(ctx context.Context, o *Options, cl *cluster) (*Summary, error) {
	r := &run{o: o, cl: cl, marks: make(chan crossing, 3), target: make([]atomic.Int64, len(cl.leader))}
	for p := range r.target {
		r.target[p].Store(cl.start[p])
	}
	if err := r.spread(); err != nil {
		return nil, err
	}
	want := o.W.GeneratorThreads
	if want == 0 {
		want = len(o.CPUs)
	}
	r.threads = max(1, min(want, len(r.nodeOf), maxThreads))
	r.busy = o.Busy == Yes || o.Busy == Auto && len(o.CPUs) >= r.threads
	r.interval = o.intervalOf(r.threads + len(o.W.Classes))
	// Each thread keeps its P, for it sleeps in the kernel; one more serves the
	// rest of the process.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(r.threads+1, runtime.GOMAXPROCS(0))))

	workers := make([]*worker, r.threads)
	defer func() {
		for _, w := range workers {
			w.close()
		}
	}()
	for i := range workers {
		w, err := r.newWorker(ctx, i)
		workers[i] = w
		if err != nil {
			return nil, err
		}
	}
	audits, err := r.attachTails(ctx, workers)
	if err != nil {
		return nil, err
	}
	mixes, err := r.attachMixes(ctx, workers)
	if err != nil {
		return nil, err
	}
	idle, err := r.crowd(ctx)
	defer func() {
		for _, c := range idle {
			_ = c.conn.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	s, err := r.drive(ctx, workers, audits, mixes)
	if err == nil {
		s.Idle = stillThere(idle)
	}
	return s, err
}

// crowd opens the connections that stay silent.
func (r *run) crowd(ctx context.Context) (idle []*control, err error) {
	for i := range r.o.W.IdleConnections {
		c, err := dialControl(ctx, r.cl.addrs[i%len(r.cl.addrs)])
		if err != nil {
			return idle, fmt.Errorf("load: idle connection %d: %w", i+1, err)
		}
		idle = append(idle, c)
	}
	return idle, nil
}

// stillThere is how many of the silent connections the broker has not ended.
func stillThere(idle []*control) (n int) {
	for _, c := range idle {
		tcp, ok := c.conn.(*net.TCPConn)
		if !ok {
			continue
		}
		raw, err := tcp.SyscallConn()
		if err != nil {
			continue
		}
		_ = raw.Control(func(fd uintptr) {
			var one [1]byte
			if _, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); err == unix.EAGAIN {
				n++ // neither an end nor an answer to nothing
			}
		})
	}
	return n
}

// drive runs the threads to their end and adds up.
func (r *run) drive(ctx context.Context, workers []*worker, audits []*auditor, mixes []*mix) (*Summary, error) {
	defer context.AfterFunc(ctx, func() { r.stop.Store(true) })()
	told := make(chan struct{})
	go r.listen(told)
	defer func() {
		close(r.marks)
		<-told
	}()
	defer quietCollector()()
	r.schedule()
	for _, w := range workers {
		w.rec = newRecorder(r.startNs, r.o.Measure, r.interval)
	}
	for _, m := range mixes {
		m.rec = newRecorder(r.startNs, r.o.Measure, r.interval)
		m.rec.class = m.class.Name
	}
	r.schedule() // again: touching the histograms took time
	r.tell(EventPlanned, r.startNs)
	for _, m := range mixes {
		m.rec.startNs, m.rec.endNs = r.startNs, r.endNs
	}
	r.producing.Store(int32(len(workers)))
	var wg sync.WaitGroup
	for _, w := range workers {
		w.rec.startNs, w.rec.endNs = r.startNs, r.endNs
		wg.Add(1)
		go func() {
			defer wg.Done()
			w.loop()
		}()
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("load: stopped before its end: %w", err)
	}
	var recs []*recorder
	var tallies []*tally
	var ledgers []*ledger
	var errs []error
	for _, w := range workers {
		recs, tallies, ledgers = append(recs, w.rec), append(tallies, w.tally), append(ledgers, w.ledger)
		errs = append(errs, w.err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := tallies[0].judge(audits, ledgers); err != nil {
		return nil, err
	}
	sum := merge(recs)
	s := r.summarise(tallies, sum, r.rawSettings())
	if b := s.Consumer.Backlog; b != nil {
		for _, w := range workers {
			for _, t := range w.tails {
				b.add(t.drain.ended())
			}
		}
	}
	logs, requests := []*recorder{sum}, []*requestLog(nil)
	for _, w := range workers {
		requests = append(requests, w.log)
	}
	for _, m := range mixes {
		s.Classes = append(s.Classes, m.summary(r))
		logs, requests = append(logs, m.rec), append(requests, m.log)
	}
	errs = append(errs, writeRequests(r.o.OutDir, requests, r.startNs, s))
	if r.o.OutDir == "" {
		return s, errors.Join(errs...)
	}
	for _, rec := range logs {
		errs = append(errs, rec.writeLogs(r.o.OutDir, s.StartUnixNs))
	}
	return s, errors.Join(errs...)
}

// newWorker connects one thread's share of the connections.
func (r *run) newWorker(ctx context.Context, id int) (*worker, error) {
	w := &worker{run: r, id: id, next: 0, conns: make([]*conn, len(r.nodeOf))}
	if r.o.RatePerSec == 0 {
		w.next = int64(id)
	}
	var err error
	if w.gen, err = workloads.NewGenerator(r.o.W, r.o.Seed, r.o.RatePerSec); err != nil {
		return w, fmt.Errorf("load: %w", err)
	}
	w.tally = r.newTally(w.gen.Schedule)
	w.log = r.newRequestLog(classTag[response], w.gen.Schedule, r.threads)
	w.enc = newEncoder(w.gen, r.cl.produceVersion, r.cl.topics)
	if r.fan != nil {
		w.enc.spread(r.fan)
	}
	w.onProduced = func(p int32, a produceAnswer) { w.produced.part(p, a) }
	w.ledger = newLedger(len(r.nodeOf), len(r.cl.leader))
	if w.poll, err = newPoller(); err != nil {
		return w, err
	}
	for c := id; c < len(r.nodeOf); c += r.threads {
		fd, err := dialRaw(ctx, r.cl.addrs[r.nodeOf[c]])
		if err != nil {
			return w, err
		}
		k := &conn{
			id: c, node: r.nodeOf[c], fd: fd, in: newInbox(64 << 10),
			inflight: newRing[request](r.o.W.Inflight), more: newRing[uint64](1), pending: newRing[waiting](1024),
		}
		w.conns[c] = k
		w.mine = append(w.mine, k)
		w.alive++
		if err := w.poll.add(fd, int32(c)); err != nil {
			return w, fmt.Errorf("load: %w", err)
		}
	}
	return w, nil
}

// attachTails connects the tail consumers, one connection for each leader,
// spread over the threads. Each consumer has an auditor of its own; all its
// connections belong to one thread.
func (r *run) attachTails(ctx context.Context, workers []*worker) ([]*auditor, error) {
	var audits []*auditor
	for i := range r.o.W.Consumers {
		w := workers[i%len(workers)]
		audit := newAuditor(len(r.nodeOf), len(r.cl.leader))
		audits = append(audits, audit)
		for node, parts := range r.partsOf {
			if len(parts) == 0 {
				continue
			}
			fd, err := dialRaw(ctx, r.cl.addrs[node])
			if err != nil {
				return nil, err
			}
			t := newTail(w, int32(len(w.conns)+len(w.tails)), fd, node, audit)
			w.tails = append(w.tails, t)
			if err := w.poll.add(fd, t.id); err != nil {
				return nil, fmt.Errorf("load: %w", err)
			}
		}
	}
	return audits, nil
}

func (w *worker) close() {
	if w == nil {
		return
	}
	for _, c := range w.mine {
		_ = unix.Close(c.fd)
	}
	for _, t := range w.tails {
		_ = unix.Close(t.fd)
	}
	w.closeAskers()
	if w.poll != nil {
		w.poll.close()
	}
}

// rawSettings is every setting of the driver, for the result.
func (r *run) rawSettings() map[string]string {
	return map[string]string{
		"produce.version": fmt.Sprint(r.cl.produceVersion), "fetch.version": fmt.Sprint(fetchVersion),
		"client.id": clientID, "acks": fmt.Sprint(r.o.W.Acks), "request.timeout.ms": fmt.Sprint(requestTimeoutMs),
		"connections": fmt.Sprint(len(r.nodeOf)), "inflight.per.connection": fmt.Sprint(r.o.W.Inflight),
		"records.per.batch": fmt.Sprint(r.o.W.RecordsPerBatch), "partitions.per.request": fmt.Sprint(max(1, r.o.W.FanOut)),
		"compression": "none", "idempotence": "off", "linger": "0", "tcp.nodelay": "true",
		"fetch.max.wait.ms": fmt.Sprint(fetchMaxWaitMs), "fetch.min.bytes": fmt.Sprint(fetchMinBytes),
		"fetch.max.bytes": fmt.Sprint(fetchMaxBytes), "fetch.partition.max.bytes": fmt.Sprint(fetchPartitionMax),
		"fetch.session": "none", "timeout": r.o.Timeout.String(), "threads": fmt.Sprint(r.threads),
		"layout": cmp.Or(r.o.W.Layout, workloads.Mixed), "late": cmp.Or(r.o.W.Late, workloads.SendLate),
		"busy": fmt.Sprint(r.busy), "cpus": fmt.Sprint(r.o.CPUs),
	}
}
