package reactor

import (
	"testing"

	"pgregory.net/rapid"
)

func queued(class Class, n int64) *DiskOp { return &DiskOp{Class: class, total: n} }

// TestProduceOvertakes queues 64 reads of consumers far behind and writes of
// nobody in particular; then a producer's write comes.
func TestProduceOvertakes(t *testing.T) {
	for _, c := range []struct {
		name   string
		class  Class
		n      int64
		inside int64 // bytes in the kernel's hands, of reads, at the most
	}{
		{"large reads", Fetch, 1 << 20, 5 << 19},
		{"small reads", Fetch, 4096, 16 * 4096},
		{"zero-fills", Background, 256 << 10, 1 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			var q diskQueues
			q.init(256)
			for range 64 {
				if op := queued(c.class, c.n); !q.submit(op) && q.next() != nil {
					t.Fatal("an operation that had to wait was next")
				}
			}
			if q.bytes == 0 || q.bytes > c.inside {
				t.Errorf("the kernel has %d bytes of reads, want some and at most %d", q.bytes, c.inside)
			}
			if !q.submit(queued(Produce, 4096)) {
				t.Error("the producer's write waits")
			}
		})
	}
}

// TestClassShares has all classes want the device at the same time, which is full of
// producers' writes, and counts who gets it.
func TestClassShares(t *testing.T) {
	var q diskQueues
	q.init(8)
	var flying []*DiskOp
	moved := [classes]int64{}
	fill := func() {
		for c := range classes {
			for n := 0; q.class[c].waiting.head == nil || n < 16; n++ {
				if op := queued(c, 64<<10); q.submit(op) {
					flying = append(flying, op)
				}
			}
		}
	}
	for range 10_000 {
		fill()
		for op := q.next(); op != nil; op = q.next() {
			flying = append(flying, op)
		}
		op := flying[0]
		flying = flying[1:]
		q.done(op)
		moved[op.Class] += op.total
	}
	for c, want := range [classes]float64{16, 4, 1} {
		got := float64(moved[c]) / float64(moved[Background])
		if got < 0.9*want || got > 1.1*want {
			t.Errorf("%s moved %.2f times what background did, want %v", Class(c), got, want)
		}
	}
}

// TestDiskQueues runs histories of submissions and completions in any order.
func TestDiskQueues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q diskQueues
		depth := rapid.IntRange(1, 12).Draw(t, "depth")
		q.init(depth)
		q.maxBytes = rapid.Int64Range(1, 8<<20).Draw(t, "bytes")
		var flying []*DiskOp
		var order [classes][]*DiskOp // that wait
		var passed [classes]int64    // cost of others that went while the class's oldest could have
		given := func(op *DiskOp) {
			flying = append(flying, op)
			passed[op.Class] = 0
			cost := op.total + opCostBytes
			for c := range classes {
				if s := &q.class[c]; s.waiting.head != nil && q.allows(s, s.waiting.head) {
					passed[c] += cost
					// Everybody else pays at least the lowest price, and one turn of the
					// dearest at a time may be owed.
					if limit := int64(classRules[Background].price) * 4 * (8<<20 + opCostBytes); passed[c] > limit {
						t.Fatalf("%s waits while others had a cost of %d, at most %d", c, passed[c], limit)
					}
				}
			}
		}
		pump := func() {
			for op := q.next(); op != nil; op = q.next() {
				if want := order[op.Class][0]; op != want {
					t.Fatalf("%s: %d bytes go before %d that were submitted earlier", op.Class, op.total, want.total)
				}
				order[op.Class] = order[op.Class][1:]
				given(op)
			}
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if len(flying) == 0 || rapid.Bool().Draw(t, "submit") {
				op := queued(Class(rapid.IntRange(0, int(classes)-1).Draw(t, "class")), rapid.Int64Range(0, 4<<20).Draw(t, "n"))
				if q.submit(op) {
					if len(order[op.Class]) > 0 {
						t.Fatalf("%s: %d bytes go before %d that wait", op.Class, op.total, order[op.Class][0].total)
					}
					given(op)
				} else {
					order[op.Class] = append(order[op.Class], op)
				}
			} else {
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "done")
				q.done(flying[i])
				flying = append(flying[:i], flying[i+1:]...)
			}
			pump()
			var ops [classes]int
			var bytes [classes]int64
			all, allBytes := 0, int64(0)
			for _, op := range flying {
				ops[op.Class]++
				bytes[op.Class] += op.total
				all++
				allBytes += op.total
			}
			if all > depth || all > 1 && allBytes > q.maxBytes {
				t.Fatalf("the kernel has %d operations of %d bytes, at most %d of %d", all, allBytes, depth, q.maxBytes)
			}
			if all != q.ops || allBytes != q.bytes {
				t.Fatalf("the kernel has %d operations of %d bytes, counted %d of %d", all, allBytes, q.ops, q.bytes)
			}
			waiting := 0
			for c := range classes {
				r := &q.class[c].rule
				if ops[c] > r.maxOps || ops[c] > 1 && bytes[c] > r.maxBytes {
					t.Fatalf("%s has %d operations of %d bytes, at most %d of %d", c, ops[c], bytes[c], r.maxOps, r.maxBytes)
				}
				waiting += len(order[c])
				if len(order[c]) > 0 && all == 0 {
					t.Fatalf("%s waits and the kernel has nothing", c)
				}
			}
			if waiting != q.waiting {
				t.Fatalf("%d operations wait, counted %d", waiting, q.waiting)
			}
		}
		for len(flying) > 0 { // in the end everything has gone
			q.done(flying[0])
			flying = flying[1:]
			pump()
		}
		if q.waiting != 0 {
			t.Fatalf("%d operations never went", q.waiting)
		}
	})
}

// BenchmarkDiskQueues is what a producer's write pays for the queues.
func BenchmarkDiskQueues(b *testing.B) {
	var q diskQueues
	q.init(256)
	op := queued(Produce, 4096)
	for b.Loop() {
		if !q.submit(op) {
			b.Fatal("it waits")
		}
		q.done(op)
		if q.next() != nil {
			b.Fatal("there is more")
		}
	}
}
