package tpc

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ceteris/ceteris/models/log"
)

// checkpoints writes recovery points at Kafka's interval, on a goroutine of its
// own: from there on an unclean start reads logs back. It never touches a shard;
// owners publish how far their logs are synced in one word.
type checkpoints struct {
	mu    sync.Mutex
	parts map[*ownedPartition]struct{}
	stop  chan struct{}
	done  sync.WaitGroup
}

func (c *checkpoints) add(p *ownedPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts == nil {
		c.parts = map[*ownedPartition]struct{}{}
	}
	c.parts[p] = struct{}{}
}

func (c *checkpoints) remove(p *ownedPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.parts, p)
}

// all lists the partitions of every shard. Whose they are is for who may know.
func (c *checkpoints) all() []*ownedPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.parts))
}

// run writes until end is called.
func (c *checkpoints) run(every time.Duration, write func(map[log.TP]int64) error, report func(string, ...any)) {
	c.stop = make(chan struct{})
	c.done.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-c.stop:
				return
			case <-t.C:
			}
			if err := c.write(write); err != nil {
				report("writing recovery points: %v", err)
			}
		}
	})
}

// write holds the lock throughout: a partition that was removed is in no write
// that ends later, when its directory may be another's.
func (c *checkpoints) write(write func(map[log.TP]int64) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	marks := make(map[log.TP]int64, len(c.parts))
	for p := range c.parts {
		marks[log.TP{Topic: p.Topic, Index: p.Index}] = p.synced.Load()
	}
	return write(marks)
}

func (c *checkpoints) end() {
	if c.stop != nil {
		close(c.stop)
		c.done.Wait()
	}
}
