package tpc

import (
	"errors"
	"sync"
	"time"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/tpc/placement"
)

// balance moves partitions between shards for a reason: because their numbers
// are uneven (counts, the baseline), or what they cost (load). With none nothing
// moves unless a user asks, so that no experiment has its partitions move while
// it measures.
type balance struct {
	mu     sync.Mutex
	b      *placement.Balancer[partKey]
	lastNs int64 // when the partitions were last asked

	once sync.Once
	quit chan struct{}
	done sync.WaitGroup
}

// startBalance begins to look at intervals, if the broker is told to.
func (b *Broker) startBalance() {
	if moved := b.control.Moved(); moved > 0 {
		b.logf("placement: %d of %d partitions moved, to spread them over %d shards",
			moved, b.image.Load().Partitions(), len(b.shards))
	}
	b.balance.b, b.balance.lastNs = placement.New[partKey](len(b.shards), placement.Options{}), b.out.nowNs()
	b.balance.quit = make(chan struct{})
	b.placementRoutes()
	by := b.cfg.Factors.Balance
	if by == "none" {
		return
	}
	every := time.Duration(b.cfg.Int("balance.interval.ms")) * time.Millisecond
	b.balance.done.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-b.balance.quit:
				return
			case <-t.C:
			}
			made, err := b.rebalance(by, false)
			if errors.Is(err, errStopping) {
				return
			}
			if err != nil || made > 0 {
				b.logf("balance=%s: %d partitions moved, error: %v", by, made, err)
			}
		}
	})
}

func (l *balance) stop() {
	if l.quit != nil {
		l.once.Do(func() { close(l.quit) })
		l.done.Wait()
	}
}

// observe asks every partition what it has cost.
func (b *Broker) observe() error {
	if !b.moves.enter() {
		return errStopping
	}
	defer b.moves.leave()
	now := b.out.nowNs()
	if now > b.balance.lastNs {
		b.balance.b.Observe(now-b.balance.lastNs, b.samples())
		b.balance.lastNs = now
	}
	return nil
}

// rebalance makes the moves that are due by a strategy; now: whether or not the
// imbalance has lasted. It returns how many partitions have moved.
func (b *Broker) rebalance(by string, now bool) (made int, err error) {
	b.balance.mu.Lock()
	defer b.balance.mu.Unlock()
	if by == "counts" {
		return b.moveAll(b.image.Load().EvenMoves(len(b.shards)))
	}
	if err := b.observe(); err != nil {
		return 0, err
	}
	plan := b.balance.b.Plan
	if now {
		plan = b.balance.b.PlanNow
	}
	im := b.image.Load()
	var errs []error
	for _, m := range plan() {
		move, ok := named(im, m)
		if !ok {
			continue
		}
		if err := b.Move(move)[0]; err != nil {
			b.balance.b.Stayed(m)
			errs = append(errs, err)
			continue
		}
		made++
	}
	return made, errors.Join(errs...)
}

func (b *Broker) moveAll(all []cluster.Move) (made int, err error) {
	errs := b.Move(all...)
	for _, err := range errs {
		if err == nil {
			made++
		}
	}
	return made, errors.Join(errs...)
}
