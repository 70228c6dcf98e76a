package threadpool

import (
	"sync"
	"time"
)

// scheduler is Kafka's KafkaScheduler: background.threads at a time run what
// must not hold up a handler. They are plain goroutines; nothing here is on
// the data path.
type scheduler struct {
	slots chan struct{}
	quit  chan struct{}
	over  sync.Once // closes quit
	tasks sync.WaitGroup
	loops sync.WaitGroup

	mu     sync.Mutex
	delays map[*time.Timer]func()
	closed bool
}

func newScheduler(threads int) *scheduler {
	return &scheduler{slots: make(chan struct{}, threads), quit: make(chan struct{}), delays: map[*time.Timer]func(){}}
}

// run runs f soon, on a background thread.
func (s *scheduler) run(f func()) {
	s.tasks.Add(1)
	go func() {
		defer s.tasks.Done()
		s.slots <- struct{}{}
		defer func() { <-s.slots }()
		f()
	}()
}

// every runs f at an interval until stop.
func (s *scheduler) every(interval time.Duration, f func()) {
	s.loops.Add(1)
	go func() {
		defer s.loops.Done()
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f()
			case <-s.quit:
				return
			}
		}
	}()
}

// after runs f after a delay, or at stop if that is earlier.
func (s *scheduler) after(delay time.Duration, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.run(f)
		return
	}
	var t *time.Timer
	t = time.AfterFunc(delay, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, mine := s.delays[t]; mine {
			delete(s.delays, t)
			s.run(f) // under the lock: stop counts on what is not in delays having begun
		}
	})
	s.delays[t] = f
}

// quitting tells a loop's function that stop waits for it.
func (s *scheduler) quitting() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}

// endLoops ends what runs at intervals and returns when it has.
func (s *scheduler) endLoops() {
	s.over.Do(func() { close(s.quit) })
	s.loops.Wait()
}

// stop ends the loops, runs what is delayed, and returns when all has run.
func (s *scheduler) stop() {
	s.endLoops()
	s.mu.Lock()
	s.closed = true
	for t, f := range s.delays {
		t.Stop()
		s.run(f)
	}
	clear(s.delays)
	s.mu.Unlock()
	s.tasks.Wait()
}

// chores are background work that has to be done in the order it was given.
type chores struct {
	mu     sync.Mutex
	list   []func()
	active bool // a background thread is at it
}

// add runs f on a background thread when all that was added before has run.
func (c *chores) add(s *scheduler, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, f)
	if !c.active {
		c.active = true
		s.run(c.drain)
	}
}

func (c *chores) drain() {
	for {
		c.mu.Lock()
		if len(c.list) == 0 {
			c.active = false
			c.mu.Unlock()
			return
		}
		f := c.list[0]
		c.list[0] = nil
		c.list = c.list[1:]
		c.mu.Unlock()
		f()
	}
}
