package load

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ceteris/ceteris/models/telemetry"
)

// franzReader is one tail consumer of the franz driver.
type franzReader struct {
	f      *franz
	client *kgo.Client
	audit  *auditor
	rec    *recorder
	tally  *tally
	at     []atomic.Int64 // next offset of each partition
}

func (f *franz) readers(settings map[string]string) ([]*franzReader, error) {
	var out []*franzReader
	for range f.o.W.Consumers {
		c, err := newClient(settings, commonOptions(f.o.Addr), consumerOptions(f.o, f.cl))
		if err != nil {
			return out, err
		}
		r := &franzReader{f: f, client: c, audit: newAuditor(len(f.nodeOf), len(f.cl.leader)), at: make([]atomic.Int64, len(f.cl.start))}
		r.tally = &tally{errors: map[string]int64{}, drained: true, sends: &sends{first: -1}}
		for p, start := range f.cl.start {
			r.at[p].Store(start)
		}
		out = append(out, r)
	}
	return out, nil
}

// loop polls until it is told to stop.
func (r *franzReader) loop(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := r.client.PollFetches(ctx)
		at := telemetry.Now()
		if ctx.Err() != nil {
			return
		}
		r.tally.fetches++
		for _, e := range fetches.Errors() {
			r.tally.fetchErrors++
			r.tally.errors["fetch "+errorName(e.Err)]++
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { r.partition(p, at) })
	}
}

func (r *franzReader) partition(p kgo.FetchTopicPartition, at int64) {
	topic := index(r.f.cl.topics, &p.Topic)
	if topic < 0 || p.Partition < 0 || int(p.Partition) >= r.f.o.W.Partitions {
		r.tally.errors[fmt.Sprintf("fetch of unknown topic %s partition %d", p.Topic, p.Partition)]++
		r.tally.fetchErrors++
		return
	}
	g := topic*r.f.o.W.Partitions + int(p.Partition)
	for _, rec := range p.Records {
		r.tally.fetched++
		r.tally.fetchedBytes += int64(len(rec.Value))
		r.value(rec.Value, g, at)
		r.at[g].Store(rec.Offset + 1)
	}
}

func (r *franzReader) value(v []byte, partition int, at int64) {
	if len(v) < headerBytes {
		r.tally.unstamped++
		return
	}
	intended, stream, sequence, ok := unstamp(v)
	if !ok {
		r.tally.bad++
		return
	}
	r.audit.see(stream, partition, sequence)
	if intended -= r.f.monoOff; r.rec.measured(intended) {
		r.rec.record(endToEnd, intended, at-intended)
	}
}

// drain waits until every consumer has what was acknowledged.
func (f *franz) drain(readers []*franzReader) {
	for _, r := range readers {
		for !r.has(f) {
			if telemetry.Now() >= f.readUntil() || f.stop.Load() {
				r.tally.drained = false
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func (r *franzReader) has(f *franz) bool {
	for p := range r.at {
		if r.at[p].Load() < f.target[p].Load() {
			return false
		}
	}
	return true
}
