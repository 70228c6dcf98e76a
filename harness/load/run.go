package load

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// run is what the threads of one load share. Times are of telemetry.Now unless
// a name says otherwise.
type run struct {
	o  *Options
	cl *cluster

	threads  int
	busy     bool
	interval time.Duration

	t0       int64 // the schedule's zero
	startNs  int64 // the measured window
	endNs    int64
	giveUpNs int64
	resumeNs int64 // consumers that pause go on then
	monoOff  int64 // CLOCK_MONOTONIC − telemetry.Now
	wallOff  int64 // UTC − telemetry.Now

	// connsOf lists the connections to each leader; nodeOf is its inverse.
	connsOf [][]int
	nodeOf  []int
	// partsOf lists the partitions that each leader leads; leaders are those that
	// lead any.
	partsOf [][]int
	leaders []int
	// connsFor lists the connections that may carry a partition's requests,
	// partsFor is its inverse.
	connsFor [][]int
	partsFor [][]int
	// fan lists the partitions of a request by its first; nil where it is alone.
	fan [][]int32

	target    []atomic.Int64 // acknowledged end offset of each partition, or expected where nothing is
	producing atomic.Int32   // threads that still have requests to settle
	stop      atomic.Bool
	gaveUp    atomic.Bool // some thread its requests; see readUntil

	begin, end usage
	// marks carries the window's bounds to the goroutine that calls OnEvent.
	marks chan crossing
}

// waiting is a request that is due.
type waiting struct {
	index      int64
	intendedNs int64
	partition  int32
	measured   bool
}

// crossing is a bound of the measured window.
type crossing struct {
	event string
	atNs  int64 // CLOCK_MONOTONIC
}

// leadIn is how long after the last preparation the schedule starts.
const leadIn = 20 * time.Millisecond

// spread gives every leader at least one connection and divides the rest in
// turn, so that a request can always go where its partition is led.
func (r *run) spread() error {
	r.partsOf = make([][]int, len(r.cl.addrs))
	r.leaders = nil
	for p, node := range r.cl.leader {
		if len(r.partsOf[node]) == 0 {
			r.leaders = append(r.leaders, node)
		}
		r.partsOf[node] = append(r.partsOf[node], p)
	}
	n := max(r.o.W.Connections, len(r.leaders))
	r.connsOf = make([][]int, len(r.cl.addrs))
	r.nodeOf = make([]int, n)
	for c := range n {
		node := r.leaders[c%len(r.leaders)]
		r.nodeOf[c] = node
		r.connsOf[node] = append(r.connsOf[node], c)
	}
	if n*len(r.cl.leader) > maxStreams {
		return fmt.Errorf("load: %d connections × %d partitions are more than %d streams", n, len(r.cl.leader), maxStreams)
	}
	r.lay()
	if r.o.W.FanOut > 1 {
		return r.fanOut()
	}
	return nil
}

// fanOut says what partitions a request has beside its first: those that follow it
// in its topic, round and round, among those that its connection may carry.
func (r *run) fanOut() error {
	per := r.o.W.Partitions
	r.fan = make([][]int32, len(r.cl.leader))
	for p := range r.fan {
		var group []int32 // of the topic, ascending
		at := 0
		for _, other := range r.partsFor[r.connsFor[p][0]] {
			if other/per == p/per {
				if other == p {
					at = len(group)
				}
				group = append(group, int32(other))
			}
		}
		if len(group) < r.o.W.FanOut {
			return fmt.Errorf("load: fan_out of %d: a connection carries %d partitions of topic %s", r.o.W.FanOut, len(group), r.cl.topics[p/per])
		}
		for k := range r.o.W.FanOut {
			r.fan[p] = append(r.fan[p], group[(at+k)%len(group)])
		}
	}
	return nil
}

// lay says which connections carry which partitions.
func (r *run) lay() {
	r.connsFor, r.partsFor = make([][]int, len(r.cl.leader)), make([][]int, len(r.nodeOf))
	for _, node := range r.leaders {
		parts, conns := r.partsOf[node], r.connsOf[node]
		if r.o.W.Layout != workloads.Aligned {
			for _, p := range parts {
				r.connsFor[p] = conns
			}
			for _, c := range conns {
				r.partsFor[c] = parts
			}
			continue
		}
		for i := range max(len(parts), len(conns)) {
			p, c := parts[i%len(parts)], conns[i%len(conns)]
			r.connsFor[p], r.partsFor[c] = append(r.connsFor[p], c), append(r.partsFor[c], p)
		}
	}
}

// route is the partition and the connection of a request: the drawn partition,
// and one of the connections that may carry it, drawn among these.
func (r *run) route(g *workloads.Generator, index int64) (partition, conn int) {
	partition = g.Partition(index)
	group := r.connsFor[partition]
	return partition, group[g.ConnectionAmong(index, len(group))]
}

// routeOn is the partition of a request that is due on a connection.
func (r *run) routeOn(g *workloads.Generator, index int64, conn int) (partition int) {
	parts := r.partsFor[conn]
	return parts[g.PartitionAmong(index, len(parts))]
}

// schedule fixes the run's times, as late as possible.
func (r *run) schedule() {
	now := telemetry.Now()
	r.monoOff, r.wallOff = clockOffsets()
	r.t0 = now + int64(leadIn)
	r.startNs = r.t0 + int64(r.o.Warmup)
	r.endNs = r.startNs + int64(r.o.Measure)
	r.giveUpNs = r.endNs + int64(r.o.Timeout)
	r.resumeNs = r.startNs + int64(r.o.W.ConsumersPause)
}

// raise lifts the acknowledged end of a partition.
func (r *run) raise(partition int, end int64) {
	t := &r.target[partition]
	for {
		old := t.Load()
		if end <= old || t.CompareAndSwap(old, end) {
			return
		}
	}
}

// readUntil is how long consumers may take for what was acknowledged: until requests are
// given up, and as long again where any were, for then the broker has acknowledged
// others up to that moment.
func (r *run) readUntil() int64 {
	if r.gaveUp.Load() {
		return r.giveUpNs + int64(r.o.Timeout)
	}
	return r.giveUpNs
}

// expect lifts the end of a partition by records that are not acknowledged: nobody
// else writes to it, and consumers are to find them.
func (r *run) expect(partition, records int) { r.target[partition].Add(int64(records)) }

// bound takes the usage at a bound of the window and tells of it.
func (r *run) bound(event string) {
	u := usageNow()
	if event == EventStart {
		r.begin = u
	} else {
		r.end = u
	}
	r.tell(event, u.atNs)
}

// tell has OnEvent called with an event and its time.
func (r *run) tell(event string, atNs int64) {
	select {
	case r.marks <- crossing{event, atNs + r.monoOff}:
	default: // there is room for all events, each told once
	}
}

// listen calls OnEvent for the bounds until marks is closed.
func (r *run) listen(done chan<- struct{}) {
	for m := range r.marks {
		if r.o.OnEvent != nil {
			r.o.OnEvent(m.event, m.atNs)
		}
	}
	close(done)
}

// tally is what one thread counted.
type tally struct {
	intended, sent, acked      int64
	failed, outstanding        int64
	unsent, capHits            int64
	records, valueBytes        int64
	sentBytes                  int64
	ackedInWindow              int64
	errors                     map[string]int64
	sends                      *sends
	fetches, fetched           int64
	fetchedBytes, unstamped    int64
	fetchErrors                int64
	duplicated, reordered, bad int64
	lost                       int64
	drained                    bool
}

// newTally has room for the sends that are looked at: of the schedule s any thread may
// have all in the window, of a closed loop, where s is nil, its share of as many as
// may be kept.
func (r *run) newTally(s *workloads.Schedule) *tally {
	sends := int64(maxArrivals / r.threads)
	if s != nil {
		sends = s.Before(int64(r.o.Warmup+r.o.Measure)) - s.Before(int64(r.o.Warmup))
	}
	return &tally{errors: map[string]int64{}, drained: true, sends: newSends(sends)}
}

// codeName is what a protocol error is called in a Summary.
func codeName(code int16) string {
	if e := kerr.TypedErrorForCode(code); e != nil {
		return e.Message
	}
	return fmt.Sprintf("CODE_%d", code)
}

// transportError counts requests whose connection failed.
const transportError = "TRANSPORT"

// summarise turns what the threads counted into a Summary.
func (r *run) summarise(tallies []*tally, rec *recorder, settings map[string]string) *Summary {
	s := &Summary{
		Driver: r.o.Driver, Settings: settings, OfferedPerSec: r.o.RatePerSec, Errors: map[string]int64{},
		Connections: len(r.nodeOf), Threads: r.threads, Busy: r.busy, IntervalSec: r.interval.Seconds(),
		CPUUserNs: r.end.userNs - r.begin.userNs, CPUSystemNs: r.end.systemNs - r.begin.systemNs,
		GCCycles: r.end.gcCycles - r.begin.gcCycles, Allocs: r.end.allocs - r.begin.allocs,
		StartMonotonicNs: r.startNs + r.monoOff, EndMonotonicNs: r.endNs + r.monoOff,
		StartUnixNs: r.startNs + r.wallOff, EndUnixNs: r.endNs + r.wallOff,
	}
	s.CPUNs = s.CPUUserNs + s.CPUSystemNs
	s.Consumer.Consumers, s.Consumer.Drained = r.o.W.Consumers, true
	if pause := r.o.W.ConsumersPause; pause > 0 {
		s.Consumer.Backlog = &Backlog{PauseSec: pause.Seconds()}
	}
	var ackedInWindow int64
	var sent []int64
	for _, t := range tallies {
		s.Intended += t.intended
		s.Sent += t.sent
		s.Acked += t.acked
		s.Failed += t.failed
		s.Outstanding += t.outstanding
		s.Unsent += t.unsent
		s.CapHits += t.capHits
		s.Records += t.records
		s.PayloadBytes += t.valueBytes
		s.SentBytes += t.sentBytes
		ackedInWindow += t.ackedInWindow
		for name, n := range t.errors {
			s.Errors[name] += n
		}
		s.Consumer.add(t)
		sent = append(sent, t.sends.at...)
	}
	s.Censored = s.Failed + s.Outstanding + s.Unsent
	s.AchievedPerSec = float64(ackedInWindow) / r.o.Measure.Seconds()
	s.AchievedRatio = 1
	if r.o.RatePerSec > 0 && s.Intended > 0 {
		s.AchievedRatio = float64(ackedInWindow) / float64(s.Intended)
	}
	s.Consumer.Censored = rec.neverCame(r.o.W.Consumers, telemetry.Now(), int64(r.o.Timeout))
	s.Clamped, s.Negative, s.Consumer.Negative = rec.clamped, rec.negative, rec.early
	s.BacklogAtStart = rec.line.before
	s.Response, s.Service = quantiles(rec.total(response)), quantiles(rec.total(service))
	s.Slip, s.Consumer.EndToEnd = quantiles(rec.total(slip)), quantiles(rec.total(endToEnd))
	s.Arrivals = r.checkArrivals(tallies, sent)
	if settled := s.Acked + s.Censored; settled != s.Intended || s.Response.Count != s.Intended {
		panic(fmt.Sprintf("load: %d requests intended, %d settled, %d response times", s.Intended, settled, s.Response.Count))
	}
	return s
}

// checkArrivals compares the sends of all threads with the law of the load.
func (r *run) checkArrivals(tallies []*tally, sent []int64) Arrivals {
	if r.o.RatePerSec == 0 {
		return checkArrivals(workloads.Closed, 0, nil, 0, sent)
	}
	g, err := workloads.NewGenerator(r.o.W, r.o.Seed, r.o.RatePerSec)
	if err != nil {
		panic(fmt.Sprintf("load: a generator that could be made cannot be made again: %v", err))
	}
	first := int64(never)
	for _, t := range tallies {
		if t.sends.first >= 0 {
			first = min(first, t.sends.first)
		}
	}
	for i := range sent {
		sent[i] -= r.t0
	}
	return checkArrivals(r.o.W.Arrivals, r.o.RatePerSec, g.Schedule, first, sent)
}

func (c *Consumer) add(t *tally) {
	c.Fetches += t.fetches
	c.Records += t.fetched
	c.Bytes += t.fetchedBytes
	c.Lost += t.lost
	c.Duplicated += t.duplicated
	c.Reordered += t.reordered
	c.Corrupt += t.bad
	c.Unstamped += t.unstamped
	c.Errors += t.fetchErrors
	c.Drained = c.Drained && t.drained
}

// never is a time that does not come.
const never = math.MaxInt64
