package mesh

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// The simulation runs shards on one thread and draws, step by step, which of
// them sends, flushes, receives or goes to sleep. Whatever the order, every
// message arrives once and in its pair's order, and no shard sleeps while there
// is something for it to do.
func TestSimulation(t *testing.T) {
	eachCarrier(t, func(t *testing.T, carrier func(n, capacity, pending int) Carrier[int]) {
		for seed := range uint64(300) {
			if err := simulate(seed, carrier); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	})
}

type simulation struct {
	m        Carrier[int]
	rng      *rand.Rand
	sleepers []*sleeper
	sent     [][]int // by from, to: messages accepted
	received [][]int
	to       int
	err      error
}

func (s *simulation) OnMessage(from, v int) {
	if want := s.received[from][s.to]; v != want && s.err == nil {
		s.err = fmt.Errorf("pair %d→%d: got message %d, want %d", from, s.to, v, want)
	}
	s.received[from][s.to]++
}

func simulate(seed uint64, carrier func(n, capacity, pending int) Carrier[int]) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	n := 2 + rng.IntN(4)
	s := &simulation{m: carrier(n, 1<<rng.IntN(6), rng.IntN(20)), rng: rng}
	for i := range n {
		s.sleepers = append(s.sleepers, &sleeper{})
		s.m.SetWaker(i, s.sleepers[i])
		s.sent = append(s.sent, make([]int, n))
		s.received = append(s.received, make([]int, n))
	}
	for range 3000 {
		s.step(rng.IntN(n))
		if s.err != nil {
			return s.err
		}
	}
	return s.settle()
}

// step lets one shard do one thing; a shard that sleeps does nothing.
func (s *simulation) step(me int) {
	if s.sleepers[me].asleep {
		return
	}
	switch s.rng.IntN(6) {
	case 0, 1:
		s.send(me)
	case 2:
		s.m.Flush(me)
	case 3, 4:
		s.to = me
		budget := 1 + s.rng.IntN(50)
		if n := s.m.Recv(me, budget, s); n > budget {
			s.err = fmt.Errorf("shard %d: Recv handed over %d with a budget of %d", me, n, budget)
		}
	case 5:
		s.sleep(me)
	}
}

func (s *simulation) send(me int) {
	to := (me + 1 + s.rng.IntN(len(s.sleepers)-1)) % len(s.sleepers)
	for range 1 + s.rng.IntN(40) {
		send := s.m.Send
		if s.rng.IntN(2) == 0 {
			send = s.m.Post
		}
		if send(me, to, s.sent[me][to]) {
			s.sent[me][to]++
		}
	}
}

// sleep follows the protocol: flag first, then a last look.
func (s *simulation) sleep(me int) {
	s.sleepers[me].asleep = true
	if s.m.Readable(me) || s.m.Unflushed(me) {
		s.sleepers[me].asleep = false
	}
}

// settle lets every shard that is awake work until all sleep, as an idle machine
// would end, and then expects nothing to be under way.
func (s *simulation) settle() error {
	for range 10000 {
		awake := false
		for me := range s.sleepers {
			if s.sleepers[me].asleep {
				continue
			}
			awake = true
			s.to = me
			s.m.Recv(me, 16, s)
			s.m.Flush(me)
			s.sleep(me)
		}
		if !awake {
			return s.check()
		}
	}
	return fmt.Errorf("shards do not come to rest")
}

func (s *simulation) check() error {
	if s.err != nil {
		return s.err
	}
	for from := range s.sent {
		for to := range s.sent {
			if s.sent[from][to] != s.received[from][to] {
				return fmt.Errorf("pair %d→%d: all asleep with %d sent, %d received", from, to, s.sent[from][to], s.received[from][to])
			}
			if from == to {
				continue
			}
			if st := s.m.Stats(from, to); st.Sent != uint64(s.sent[from][to]) || st.Received != st.Sent {
				return fmt.Errorf("pair %d→%d: stats %+v, want %d sent and received", from, to, st, s.sent[from][to])
			}
		}
		if n := s.m.Pending(from); n != 0 {
			return fmt.Errorf("shard %d rests with %d messages pending", from, n)
		}
	}
	return nil
}
