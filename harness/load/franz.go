package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// franz is one load of the franz driver: a client for each connection, one
// thread that paces, and franz-go's own goroutines. A request is the records
// that were produced together; it is acknowledged with the last of them.
type franz struct {
	*run
	gen     *workloads.Generator
	enc     *encoder // for its payload pool
	clients []*kgo.Client
	// settled receives the client of a request that has ended, in a closed loop.
	settled chan int
	free    sync.Pool

	mu sync.Mutex // guards what follows
	books
	live   map[*franzRequest]struct{}
	ledger *ledger
	closed bool // late promises no longer count
}

// franzRequest is reused once all its promises have been called.
type franzRequest struct {
	waiting
	f        *franz
	client   int
	sequence uint64
	sentNs   int64
	left     atomic.Int32
	end      atomic.Int64 // highest offset acknowledged + 1
	failed   atomic.Pointer[string]
	records  []kgo.Record
	values   []byte
	valueLn  int
	stamped  int // records that took a sequence
	promise  func(*kgo.Record, error)
}

// runFranz offers the load with franz-go.
func runFranz(ctx context.Context, o *Options, cl *cluster) (*Summary, error) {
	r := &run{o: o, cl: cl, threads: 1, marks: make(chan crossing, 3), target: make([]atomic.Int64, len(cl.leader))}
	for p := range r.target {
		r.target[p].Store(cl.start[p])
	}
	// A client connects wherever its records go: no connection is bound to a
	// leader.
	r.nodeOf = make([]int, o.W.Connections)
	if o.W.Connections*len(cl.leader) > maxStreams {
		return nil, fmt.Errorf("load: %d connections × %d partitions are more than %d streams", o.W.Connections, len(cl.leader), maxStreams)
	}
	r.interval = o.intervalOf(2)
	f := &franz{run: r, live: map[*franzRequest]struct{}{}, ledger: newLedger(o.W.Connections, len(cl.leader))}
	var err error
	if f.gen, err = workloads.NewGenerator(o.W, o.Seed, o.RatePerSec); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	f.tally = r.newTally(f.gen.Schedule)
	f.log = r.newRequestLog(classTag[response], f.gen.Schedule, 1)
	f.enc = newEncoder(f.gen, cl.produceVersion, cl.topics)
	f.free.New = func() any { return f.newRequest() }
	f.settled = make(chan int, o.W.Connections*o.W.Inflight)
	settings := franzSettings(o)
	defer func() {
		for _, c := range f.clients {
			c.Close()
		}
	}()
	for range o.W.Connections {
		c, err := newClient(settings, commonOptions(o.Addr), producerOptions(o))
		if err != nil {
			return nil, err
		}
		f.clients = append(f.clients, c)
		if err := c.Ping(ctx); err != nil {
			return nil, fmt.Errorf("load: broker %s: %w", o.Addr, err)
		}
	}
	readers, err := f.readers(settings)
	defer func() {
		for _, r := range readers {
			r.client.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	return f.drive(ctx, readers, settings)
}

func (f *franz) drive(ctx context.Context, readers []*franzReader, settings map[string]string) (*Summary, error) {
	defer context.AfterFunc(ctx, func() { f.stop.Store(true) })()
	told := make(chan struct{})
	go f.listen(told)
	defer func() {
		close(f.marks)
		<-told
	}()
	defer quietCollector()()
	f.schedule()
	f.rec = newRecorder(f.startNs, f.o.Measure, f.interval)
	for _, r := range readers {
		r.rec = newRecorder(f.startNs, f.o.Measure, f.interval)
	}
	f.schedule() // again: touching the histograms took time
	f.tell(EventPlanned, f.startNs)
	f.rec.startNs, f.rec.endNs = f.startNs, f.endNs
	var consuming sync.WaitGroup
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	for _, r := range readers {
		r.rec.startNs, r.rec.endNs = f.startNs, f.endNs
		consuming.Add(1)
		go func() {
			defer consuming.Done()
			r.loop(reading)
		}()
	}
	paced := make(chan error)
	go func() { paced <- f.pace() }()
	if err := <-paced; err != nil {
		stopReading()
		consuming.Wait()
		return nil, err
	}
	f.settle()
	f.drain(readers)
	stopReading()
	consuming.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("load: stopped before its end: %w", err)
	}
	return f.finish(readers, settings)
}

// pace sends every request at its time, on a thread of its own that dies with
// it.
func (f *franz) pace() error {
	runtime.LockOSThread()
	if cpus := f.o.CPUs; len(cpus) > 0 {
		if err := host.SetAffinity(cpus); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	tight()
	if f.o.RatePerSec == 0 {
		f.paceClosed()
		return nil
	}
	var told bounds
	for i := int64(0); !f.stop.Load(); i++ {
		at := f.t0 + f.gen.At(i)
		if at >= f.endNs {
			break
		}
		if at >= f.startNs && !told.begun {
			sleepUntil(f.startNs, f.monoOff)
			told.look(f.run)
		}
		sleepUntil(at, f.monoOff)
		told.look(f.run)
		client := f.gen.Connection(i)
		q := waiting{index: i, intendedNs: at, partition: int32(f.gen.Partition(i)), measured: f.rec.measured(at)}
		f.issue(client, q, f.clients[client].BufferedProduceRecords() >= int64(f.o.W.Inflight*f.o.W.RecordsPerBatch))
	}
	for _, at := range [...]int64{f.startNs, f.endNs} {
		sleepUntil(at, f.monoOff)
		told.look(f.run)
	}
	return nil
}

// bounds says of which bounds of the measured window was told.
type bounds struct{ begun, ended bool }

// look tells of those that have passed: a pacer that is behind sends what was due before
// them later.
func (b *bounds) look(r *run) {
	now := telemetry.Now()
	if !b.begun && now >= r.startNs {
		b.begun = true
		r.bound(EventStart)
	}
	if !b.ended && now >= r.endNs {
		b.ended = true
		r.bound(EventEnd)
	}
}

// paceClosed keeps every client at its cap.
func (f *franz) paceClosed() {
	sleepUntil(f.t0, f.monoOff)
	for c := range f.clients {
		for range f.o.W.Inflight {
			f.settled <- c
		}
	}
	begun := false
	end := time.NewTimer(time.Duration(f.endNs - telemetry.Now()))
	defer end.Stop()
	for i := int64(0); !f.stop.Load(); i++ {
		var client int
		select {
		case client = <-f.settled:
		case <-end.C:
			client = -1
		}
		now := telemetry.Now()
		if now >= f.startNs && !begun {
			begun = true
			f.bound(EventStart)
		}
		if client < 0 || now >= f.endNs {
			break
		}
		f.issue(client, waiting{index: i, intendedNs: now, partition: int32(f.gen.Partition(i)), measured: f.rec.measured(now)}, false)
	}
	f.bound(EventEnd)
}

// newRequest makes a request with room for the largest values.
func (f *franz) newRequest() *franzRequest {
	w := f.o.W
	q := &franzRequest{f: f, records: make([]kgo.Record, w.RecordsPerBatch), values: make([]byte, w.RecordsPerBatch*w.Size.MaxBytes)}
	q.promise = q.done
	return q
}

// issue produces a request's records together.
func (f *franz) issue(client int, due waiting, capped bool) {
	w := f.o.W
	q := f.free.Get().(*franzRequest)
	q.waiting, q.client = due, client
	q.left.Store(int32(w.RecordsPerBatch))
	q.end.Store(0)
	q.failed.Store(nil)
	f.mu.Lock()
	q.sequence = f.ledger.at(client, int(q.partition))
	f.mu.Unlock()
	f.fill(q)
	q.sentNs = telemetry.Now()
	f.mu.Lock()
	f.ledger.issue(client, int(q.partition), q.stamped)
	f.live[q] = struct{}{}
	f.tally.sentBytes += int64(q.valueLn)
	f.due(&q.waiting)
	if capped {
		f.capped(&q.waiting)
	}
	f.rec.owe(&q.waiting, q.stamped)
	f.sent(&q.waiting, q.sentNs)
	f.mu.Unlock()
	for i := range q.records {
		f.clients[client].Produce(context.Background(), &q.records[i], q.promise)
	}
}

// fill writes a request's records.
func (f *franz) fill(q *franzRequest) {
	w := f.o.W
	q.valueLn, q.stamped = 0, 0
	for r := range q.records {
		size := f.gen.Size(q.index, r)
		value := q.values[q.valueLn : q.valueLn+size : q.valueLn+size]
		q.valueLn += size
		copy(value, f.enc.payload(q.index, r, size))
		if size >= headerBytes {
			stamp(value, tailCRC(value), q.intendedNs+f.monoOff, q.client, q.sequence+uint64(q.stamped))
			q.stamped++
		}
		q.records[r] = kgo.Record{
			Topic: f.cl.topics[int(q.partition)/w.Partitions], Partition: q.partition % int32(w.Partitions),
			Value: value, Timestamp: time.UnixMilli((q.intendedNs + f.wallOff) / 1e6),
		}
		if keyed(w) {
			q.records[r].Key = keyOf(nil, int(q.partition))
		}
	}
}

// done is the promise of each of a request's records.
func (q *franzRequest) done(rec *kgo.Record, err error) {
	if err != nil {
		name := errorName(err)
		q.failed.Store(&name)
	} else {
		for end := rec.Offset + 1; ; {
			old := q.end.Load()
			if end <= old || q.end.CompareAndSwap(old, end) {
				break
			}
		}
	}
	if q.left.Add(-1) == 0 {
		q.f.settleOne(q, telemetry.Now())
	}
}

func errorName(err error) string {
	var e *kerr.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return transportError
}

// settleOne accounts for a request all of whose records have ended.
func (f *franz) settleOne(q *franzRequest, at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.live[q]; !ok || f.closed {
		return
	}
	delete(f.live, q)
	if f.o.RatePerSec == 0 {
		select {
		case f.settled <- q.client:
		default:
		}
	}
	if name := q.failed.Load(); name != nil {
		f.ledger.disown(q.client, int(q.partition), q.sequence, q.stamped)
		f.failed(&q.waiting, q.sentNs, at, int64(f.o.Timeout), q.client, *name)
	} else {
		if f.o.W.Acks != 0 {
			f.raise(int(q.partition), q.end.Load())
		} else {
			f.expect(int(q.partition), len(q.records))
		}
		f.answered(&q.waiting, q.sentNs, at, q.client)
		if q.measured {
			f.tally.records += int64(len(q.records))
			f.tally.valueBytes += int64(q.valueLn)
		}
	}
	f.free.Put(q)
}

// settle waits for the outstanding requests, and gives up what is left.
func (f *franz) settle() {
	for telemetry.Now() < f.giveUpNs && !f.stop.Load() {
		f.mu.Lock()
		n := len(f.live)
		f.mu.Unlock()
		if n == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if len(f.live) > 0 {
		f.gaveUp.Store(true)
	}
	now := telemetry.Now()
	for q := range f.live {
		f.ledger.disown(q.client, int(q.partition), q.sequence, q.stamped)
		f.givenUp(&q.waiting, q.sentNs, now, q.client)
	}
}

func (f *franz) finish(readers []*franzReader, settings map[string]string) (*Summary, error) {
	recs := []*recorder{f.rec}
	tallies := []*tally{f.tally}
	var audits []*auditor
	for _, r := range readers {
		recs, tallies, audits = append(recs, r.rec), append(tallies, r.tally), append(audits, r.audit)
	}
	if err := f.tally.judge(audits, []*ledger{f.ledger}); err != nil {
		return nil, err
	}
	sum := merge(recs)
	s := f.summarise(tallies, sum, settings)
	if err := writeRequests(f.o.OutDir, []*requestLog{f.log}, f.startNs, s); err != nil {
		return nil, err
	}
	if f.o.OutDir != "" {
		return s, sum.writeLogs(f.o.OutDir, s.StartUnixNs)
	}
	return s, nil
}
