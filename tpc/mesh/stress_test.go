package mesh

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// parker sleeps on a channel, as a shard sleeps in its ring.
type parker struct {
	asleep atomic.Bool
	bell   chan struct{}
}

func (p *parker) Asleep() bool { return p.asleep.Load() }

func (p *parker) Wake() {
	select {
	case p.bell <- struct{}{}:
	default: // it rings already
	}
}

// shard sends count messages to every other one and ends when it has received
// as many from each.
type shard struct {
	t        *testing.T
	m        Carrier[*int]
	id       int
	parker   *parker
	next     []int // by writer: the value that has to come
	received int
}

func (s *shard) OnMessage(from int, v *int) {
	if *v != s.next[from] {
		s.t.Errorf("pair %d→%d: got %d, want %d", from, s.id, *v, s.next[from])
	}
	s.next[from]++
	s.received++
}

func (s *shard) run(count int) {
	n := s.m.Shards()
	sent := make([]int, n)
	for {
		done := true
		for to := range n {
			for k := 0; to != s.id && sent[to] < count && k < 10; k++ {
				v := sent[to]
				if !s.m.Post(s.id, to, &v) {
					break
				}
				sent[to]++
			}
			done = done && (to == s.id || sent[to] == count)
		}
		left := s.m.Flush(s.id)
		s.m.Recv(s.id, 100, s)
		if done && left == 0 && s.received == count*(n-1) {
			return
		}
		if done || left > 0 {
			s.sleep()
		}
	}
}

func (s *shard) sleep() {
	s.parker.asleep.Store(true)
	if !s.m.Readable(s.id) && !s.m.Unflushed(s.id) {
		<-s.parker.bell
	}
	s.parker.asleep.Store(false)
}

// A missed wake hangs this test; a torn message is found by the race detector.
func TestStress(t *testing.T) {
	eachCarrier(t, func(t *testing.T, carrier func(n, capacity, pending int) Carrier[*int]) {
		const shards = 4
		count := 20000
		if testing.Short() {
			count = 2000
		}
		m := carrier(shards, 16, 8)
		var group []*shard
		for id := range shards {
			s := &shard{t: t, m: m, id: id, parker: &parker{bell: make(chan struct{}, 1)}, next: make([]int, shards)}
			m.SetWaker(id, s.parker)
			group = append(group, s)
		}
		var all sync.WaitGroup
		for _, s := range group {
			all.Go(func() { s.run(count) })
		}
		all.Wait()
		for from := range shards {
			for to := range shards {
				if from == to {
					continue
				}
				if st := m.Stats(from, to); st.Sent != uint64(count) || st.Received != uint64(count) {
					t.Errorf("pair %d→%d: stats %+v, want %d sent and received", from, to, st, count)
				}
			}
		}
	})
}

// contender checks that every writer's messages come in order.
type contender struct {
	t    *testing.T
	next []int
	n    int
}

func (c *contender) OnMessage(from, v int) {
	if v != c.next[from] {
		c.t.Errorf("writer %d: got %d, want %d", from, v, c.next[from])
	}
	c.next[from] = v + 1
	c.n++
}

// Writers that flush after every message meet at the inbox's index all the time.
func TestInboxWritersContend(t *testing.T) {
	const writers = 4
	count := 100_000
	if testing.Short() {
		count = 10_000
	}
	m := NewInboxes[int](writers+1, 256, 0)
	var all sync.WaitGroup
	for from := 1; from <= writers; from++ {
		all.Go(func() {
			for i := 0; i < count; {
				if m.Send(from, 0, i) {
					i++
				} else {
					runtime.Gosched()
				}
				m.Flush(from)
			}
			for m.Flush(from) > 0 {
				runtime.Gosched()
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	c := &contender{t: t, next: make([]int, writers+1)}
	for sent := false; !sent || m.Readable(0); {
		select {
		case <-done:
			sent = true
		default:
		}
		if m.Recv(0, 64, c) == 0 {
			runtime.Gosched()
		}
	}
	if c.n != writers*count {
		t.Errorf("%d messages came, want %d", c.n, writers*count)
	}
}
