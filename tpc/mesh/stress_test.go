package mesh

import (
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
	m        *Mesh[*int]
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
	const shards = 4
	count := 20000
	if testing.Short() {
		count = 2000
	}
	m := NewBounded[*int](shards, 16, 8)
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
}
