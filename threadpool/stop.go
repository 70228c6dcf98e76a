package threadpool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// slowClient is how long Stop waits for clients to read their last response.
var slowClient = 2 * time.Second

// Stop accepts nothing more, answers what is in the broker, ends the threads
// and closes every log at its exact length.
func (b *Broker) Stop(ctx context.Context) error {
	if b.acceptor == nil {
		return nil // not started
	}
	b.acceptor.stop()
	for _, p := range b.processors {
		p.ask(draining)
	}
	if err := b.drain(ctx); err != nil {
		return err
	}
	b.staff.close()
	b.channel.close()
	for _, p := range b.processors {
		p.ask(leaving)
	}
	b.produces.Stop()
	b.fetches.Stop()
	joined := make(chan struct{})
	go func() {
		if b.writer != nil {
			b.background.endLoops() // retention rolls, and the writer has to seal
			b.writer.stop()
		}
		b.threads.wg.Wait()
		close(joined)
	}()
	select {
	case <-joined:
	case <-ctx.Done():
		return ctx.Err()
	}
	b.acceptor.close()
	for _, p := range b.processors {
		p.selector.close()
	}
	b.background.stop()
	b.freeRegions()
	return b.closeLogs()
}

// drain waits until every request has been answered, or only clients that do
// not read are left. Long polls end at once.
func (b *Broker) drain(ctx context.Context) error {
	for quiet := time.Duration(0); quiet < slowClient; quiet += time.Millisecond {
		busy := int64(0)
		for _, p := range b.processors {
			if p.heeded.Load() < draining { // its round may still take a request
				busy, quiet = busy+1, 0
			}
			busy += p.inflight.Load()
		}
		if busy == 0 {
			return nil
		}
		b.fetches.CompleteAll()
		if b.channel.waiting() > 0 || b.staff.busy() || b.produces.Waiting() > 0 {
			quiet = 0
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// ask moves a processor to its next stage.
func (p *processor) ask(stage int32) {
	p.stage.Store(stage)
	p.selector.wakeup()
	kernel.Kick(p.selector.wake)
}

// closeLogs closes every log exactly and marks the directory clean if all of
// them could be.
func (b *Broker) closeLogs() error {
	var all []*replica
	b.eachReplica(func(r *replica) { all = append(all, r) })
	err := log.Parallel(len(all), int(b.cfg.Int("num.recovery.threads.per.data.dir")), func(i int) error {
		r := all[i]
		defer closeSegments(r.part.Log)
		if r.part.Failed() {
			return fmt.Errorf("threadpool: partition %s-%d is left for recovery: its storage failed", r.part.Topic, r.part.Index)
		}
		return r.part.Log.Close(b.fs)
	})
	return errors.Join(err, b.controller.Logs().Close(err == nil))
}
