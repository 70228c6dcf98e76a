package mesh

import (
	"fmt"
	"strings"
	"testing"
)

// eachCarrier runs a test on both ways of carrying messages.
func eachCarrier[T any](t *testing.T, f func(t *testing.T, carrier func(n, capacity, pending int) Carrier[T])) {
	t.Run("mesh", func(t *testing.T) {
		f(t, func(n, capacity, pending int) Carrier[T] { return NewBounded[T](n, capacity, pending) })
	})
	t.Run("inboxes", func(t *testing.T) {
		f(t, func(n, capacity, pending int) Carrier[T] { return NewInboxes[T](n, capacity, pending) })
	})
}

// got collects what a shard receives.
type got struct{ items []string }

func (g *got) OnMessage(from int, v int) { g.items = append(g.items, fmt.Sprintf("%d:%d", from, v)) }

func (g *got) take() string {
	s := strings.Join(g.items, " ")
	g.items = nil
	return s
}

// sleeper is a shard's sleeping flag that counts its wakes.
type sleeper struct {
	asleep bool
	wakes  int
}

func (s *sleeper) Asleep() bool { return s.asleep }
func (s *sleeper) Wake()        { s.wakes++; s.asleep = false }

func TestNothingShowsBeforeFlush(t *testing.T) {
	eachCarrier(t, func(t *testing.T, carrier func(n, capacity, pending int) Carrier[int]) {
		m, g := carrier(2, 4, 16), &got{}
		if !m.Send(0, 1, 7) || !m.Unflushed(0) {
			t.Fatal("Send found no room in an empty ring, or forgot what it staged")
		}
		if m.Readable(1) || m.Recv(1, 10, g) != 0 {
			t.Error("a staged message showed before Flush")
		}
		m.Flush(0)
		if !m.Readable(1) || m.Unflushed(0) || m.Recv(1, 10, g) != 1 || g.take() != "0:7" {
			t.Error("a flushed message did not arrive")
		}
		if m.Readable(1) || m.Recv(1, 10, g) != 0 {
			t.Error("a message arrived twice")
		}
	})
}

func TestFullRing(t *testing.T) {
	eachCarrier(t, func(t *testing.T, carrier func(n, capacity, pending int) Carrier[int]) {
		m, g := carrier(2, 4, 3), &got{}
		for i := range 4 {
			if !m.Send(0, 1, i) {
				t.Fatalf("message %d of 4 found no room", i)
			}
		}
		if m.Send(0, 1, 99) {
			t.Error("a fifth message found room")
		}
		for i := 4; i < 7; i++ {
			if !m.Post(0, 1, i) {
				t.Fatalf("pending message %d of 3 was refused", i)
			}
		}
		if m.Post(0, 1, 99) {
			t.Error("a fourth pending message was taken")
		}
		if left := m.Flush(0); left != 3 || m.Pending(0) != 3 || m.Unflushed(0) {
			t.Errorf("after Flush: %d pending, unflushed %v, want 3, false", left, m.Unflushed(0))
		}
		if m.Recv(1, 2, g) != 2 || g.take() != "0:0 0:1" {
			t.Error("the first two did not arrive first")
		}
		if !m.Unflushed(0) {
			t.Error("room for pending messages went unseen")
		}
		if m.Send(0, 1, 99) {
			t.Error("Send overtook pending messages")
		}
		if left := m.Flush(0); left != 1 {
			t.Errorf("%d pending after room for two, want 1", left)
		}
		m.Recv(1, 10, g)
		m.Flush(0)
		m.Recv(1, 10, g)
		if s := g.take(); s != "0:2 0:3 0:4 0:5 0:6" {
			t.Errorf("order: got %s", s)
		}
		if s := m.Stats(0, 1); s != (PairStats{Sent: 7, Received: 7, Full: 6}) {
			t.Errorf("stats %+v, want 7 sent, 7 received, 6 times full", s)
		}
	})
}

func TestWakesOncePerBatchAndOnlySleepers(t *testing.T) {
	eachCarrier(t, func(t *testing.T, carrier func(n, capacity, pending int) Carrier[int]) {
		m, g := carrier(3, 64, 256), &got{}
		s := []*sleeper{{}, {asleep: true}, {}}
		for i := range s {
			m.SetWaker(i, s[i])
		}
		for i := range 10 {
			m.Send(0, 1, i)
			m.Send(0, 2, i)
		}
		m.Flush(0)
		m.Flush(0)
		if s[1].wakes != 1 || s[2].wakes != 0 {
			t.Errorf("wakes: sleeper %d, awake %d, want 1, 0", s[1].wakes, s[2].wakes)
		}
		s[1].asleep = true
		m.Flush(0)
		if s[1].wakes != 1 {
			t.Error("a Flush of nothing woke the sleeper")
		}
		m.Recv(2, 100, g)
		if s[0].wakes != 0 {
			t.Error("a reader woke a writer that waits for nothing")
		}
	})
}

func TestRoomWakesTheBlockedWriter(t *testing.T) {
	eachCarrier(t, func(t *testing.T, carrier func(n, capacity, pending int) Carrier[int]) {
		m, g := carrier(2, 2, 8), &got{}
		w := &sleeper{}
		m.SetWaker(0, w)
		for i := range 5 {
			m.Post(0, 1, i)
		}
		m.Flush(0)
		w.asleep = true
		if m.Unflushed(0) {
			t.Fatal("the writer may not sleep though the ring is full")
		}
		m.Recv(1, 1, g)
		if w.wakes != 1 || !m.Unflushed(0) {
			t.Errorf("room woke the writer %d times, unflushed %v, want 1, true", w.wakes, m.Unflushed(0))
		}
		m.Recv(1, 1, g)
		if w.wakes != 1 {
			t.Error("room woke a writer that is awake")
		}
	})
}

// A flood from one shard does not keep another shard's messages out.
func TestWritersTakeTurns(t *testing.T) {
	m, g := New[int](3, 1024), &got{}
	for i := range 1000 {
		m.Send(0, 2, i)
	}
	m.Send(1, 2, 0)
	m.Flush(0)
	m.Flush(1)
	m.Recv(2, batch+1, g)
	if s := g.take(); !strings.Contains(s, "1:0") {
		t.Errorf("the quiet shard's message is not among the first %d: %s", batch+1, s)
	}
	total := batch + 1
	for n := m.Recv(2, 50, g); n > 0; n = m.Recv(2, 50, g) {
		if n > 50 {
			t.Fatalf("Recv handed over %d with a budget of 50", n)
		}
		total += n
	}
	if total != 1001 {
		t.Errorf("%d messages arrived, want 1001", total)
	}
}

func TestSlotsLetGo(t *testing.T) {
	m := NewBounded[*int](2, 2, 4)
	for range 5 {
		m.Post(0, 1, new(int))
	}
	for range 5 {
		m.Flush(0)
		m.Recv(1, 10, drop{})
	}
	r := m.ring(0, 1)
	for i, p := range append(append([]*int(nil), r.slots...), r.pending.items...) {
		if p != nil {
			t.Errorf("slot %d keeps a handled message alive", i)
		}
	}
	in := NewInboxes[*int](2, 2, 4)
	for range 5 {
		in.Post(0, 1, new(int))
	}
	for range 5 {
		in.Flush(0)
		in.Recv(1, 10, drop{})
	}
	for i := range in.inboxes[1].slots {
		if in.inboxes[1].slots[i].v != nil {
			t.Errorf("inbox slot %d keeps a handled message alive", i)
		}
	}
	for i, p := range in.ends[0].out[1].queue.items {
		if p != nil {
			t.Errorf("place %d of the writer's queue keeps a handled message alive", i)
		}
	}
}

// Whatever the writer, an inbox is read in the order of the flushes: the cost of
// having one queue.
func TestInboxIsReadInOrderOfFlushes(t *testing.T) {
	m, g := NewInboxes[int](3, 64, 0), &got{}
	m.Send(0, 2, 1)
	m.Send(1, 2, 2)
	m.Flush(1)
	m.Send(1, 2, 3)
	m.Flush(0)
	m.Flush(1)
	m.Recv(2, 10, g)
	if s := g.take(); s != "1:2 0:1 1:3" {
		t.Errorf("order %s, want 1:2 0:1 1:3", s)
	}
}

// Two writers claim at the same time: one gets the slots, the other tries again.
// What the faster one shows behind a slot that is not filled yet cannot be read
// before that slot, and the slower one's wake brings all of it.
func TestInboxClaims(t *testing.T) {
	m, g := NewInboxes[int](3, 4, 0), &got{}
	s := &sleeper{}
	m.SetWaker(2, s)
	for i := range 2 {
		m.Send(0, 2, i)
	}
	m.Send(1, 2, 10)
	b, slow := &m.inboxes[2], &m.ends[0].out[2]
	seen := b.tail.Load() // both look
	if n := b.claim(seen, 2); n != 2 {
		t.Fatalf("claimed %d slots, want 2", n)
	}
	if n := b.claim(seen, 1); n != 0 || b.tail.Load() != 2 {
		t.Fatalf("a stale claim got %d slots, tail %d, want 0, 2", n, b.tail.Load())
	}
	if n := b.claim(b.tail.Load(), 9); n != 2 {
		t.Fatalf("claimed %d of 2 slots that are left", n)
	}
	b.tail.Store(2)
	m.Flush(1)
	s.asleep, s.wakes = true, 0
	if m.Readable(2) || m.Recv(2, 9, g) != 0 {
		t.Error("a message was read past a slot that is not filled")
	}
	b.fill(seen, 2, slow, 0)
	if !m.Readable(2) || m.Recv(2, 9, g) != 3 || g.take() != "0:0 0:1 1:10" {
		t.Error("the filled slots were not read in order")
	}
}

// A writer whose staged messages lose their room to another one keeps them.
func TestInboxRoomIsTakenAtFlush(t *testing.T) {
	m, g := NewInboxes[int](3, 2, 0), &got{}
	for i := range 2 {
		if !m.Send(0, 2, i) || !m.Send(1, 2, 10+i) {
			t.Fatal("no room in an empty inbox")
		}
	}
	if left := m.Flush(1); left != 0 {
		t.Errorf("the first flush leaves %d", left)
	}
	if left := m.Flush(0); left != 2 || m.Pending(0) != 2 || m.Unflushed(0) || m.Send(0, 2, 9) {
		t.Errorf("the second flush leaves %d, %d pending, unflushed %v", left, m.Pending(0), m.Unflushed(0))
	}
	m.Recv(2, 10, g)
	m.Flush(0)
	m.Recv(2, 10, g)
	if s := g.take(); s != "1:10 1:11 0:0 0:1" {
		t.Errorf("order %s", s)
	}
}

type drop struct{}

func (drop) OnMessage(int, *int) {}

func TestMisuseStops(t *testing.T) {
	for name, f := range map[string]func(){
		"capacity of three":       func() { New[int](2, 3) },
		"no shards":               func() { New[int](0, 4) },
		"negative pending":        func() { NewBounded[int](2, 4, -1) },
		"send to itself":          func() { New[int](2, 4).Send(1, 1, 0) },
		"inbox of three":          func() { NewInboxes[int](2, 3, 0) },
		"inboxes of no shards":    func() { NewInboxes[int](0, 4, 0) },
		"inbox, send to itself":   func() { NewInboxes[int](2, 4, 0).Post(1, 1, 0) },
		"nested Recv of an inbox": func() { in := NewInboxes[int](2, 4, 0); in.Send(0, 1, 0); in.Flush(0); in.Recv(1, 1, nested{in}) },
		"nested Recv": func() {
			m := New[int](2, 4)
			m.Send(0, 1, 0)
			m.Flush(0)
			m.Recv(1, 1, nested{m})
		},
	} {
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "mesh: ") {
					t.Errorf("%s: got %q, want a panic of the mesh", name, s)
				}
			}()
			f()
		}()
	}
}

type nested struct{ m Carrier[int] }

func (n nested) OnMessage(int, int) { n.m.Recv(1, 1, n) }

func TestSteadyStateAllocatesNothing(t *testing.T) {
	eachCarrier(t, func(t *testing.T, carrier func(n, capacity, pending int) Carrier[[4]uint64]) {
		m, h := carrier(3, 64, 256), &sum{}
		round := func() {
			for i := range 100 { // more than fits: the pending queue is in it
				m.Post(0, 1, [4]uint64{uint64(i)})
			}
			for m.Flush(0) > 0 {
				m.Recv(1, 64, h)
			}
			m.Recv(1, 100, h)
		}
		round()
		if got := testing.AllocsPerRun(100, round); got != 0 {
			t.Errorf("a round allocates %v times, want 0", got)
		}
	})
}

type sum struct{ n, total uint64 }

func (s *sum) OnMessage(_ int, v [4]uint64) { s.n++; s.total += v[0] }
