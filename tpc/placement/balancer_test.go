package placement

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const second = int64(1e9)

// samples are partitions by shard with the CPU that each takes, thousandths.
func samples(milli []int64, shard []int) []Sample[int] {
	out := make([]Sample[int], len(milli))
	for i := range milli {
		out[i] = Sample[int]{Key: i, Shard: shard[i], CPUNs: milli[i] * second / 1000}
	}
	return out
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name  string
		milli []int64
		shard []int
		want  []Move[int]
	}{
		{"even", []int64{300, 300}, []int{0, 1}, nil},
		{"one hot partition has nowhere better to be", []int64{900}, []int{0}, nil},
		{"small loads are left alone", []int64{20, 20}, []int{0, 0}, nil},
		{"the one that evens out", []int64{100, 300, 200}, []int{0, 0, 0}, []Move[int]{{1, 0, 1}}},
		{"a few percent are not worth it", []int64{520, 480, 30}, []int{0, 1, 1}, nil},
		{"large ones before small ones", []int64{400, 50, 50, 50, 50, 400}, []int{0, 0, 0, 0, 0, 0}, []Move[int]{{0, 0, 1}, {1, 0, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New[int](2, Options{})
			for i := range 3 {
				if early := b.Plan(); early != nil {
					t.Fatalf("after %d intervals: moves %v, patience is 3", i, early)
				}
				b.Observe(second, samples(c.milli, c.shard))
			}
			if got := b.Plan(); !slices.Equal(got, c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A burst shorter than the patience moves nothing.
func TestBurst(t *testing.T) {
	b := New[int](2, Options{})
	for i := range 60 {
		milli := []int64{100, 100, 100, 100}
		if i%10 > 7 {
			milli[0], milli[1] = 400, 400
		}
		b.Observe(second, samples(milli, []int{0, 0, 1, 1}))
		if m := b.Plan(); m != nil {
			t.Fatalf("interval %d: %v", i, m)
		}
	}
}

// What has moved rests, and PlanNow asks nobody.
func TestRest(t *testing.T) {
	b := New[int](2, Options{})
	observe := func(shard []int) {
		for range 3 {
			b.Observe(second, samples([]int64{300, 300}, shard))
		}
	}
	observe([]int{0, 0})
	m := b.Plan()
	if len(m) != 1 || m[0].From != 0 {
		t.Fatalf("got %v, want one move from shard 0", m)
	}
	moved := m[0].Key
	// Somebody moves the other one there as well.
	observe([]int{1, 1})
	if m = b.Plan(); len(m) != 1 || m[0].Key == moved {
		t.Fatalf("got %v, want the partition that has not moved before (%d)", m, 1-moved)
	}
	observe([]int{0, 0})
	if m = b.Plan(); m != nil {
		t.Fatalf("got %v, want nothing: both rest", m)
	}
	if m = b.PlanNow(); len(m) != 1 {
		t.Fatalf("got %v, want one move", m)
	}
	b.Stayed(m[0])
	if got := b.parts[m[0].Key].shard; got != 0 {
		t.Fatalf("a partition that stayed counts for shard %d", got)
	}
}

// Partitions that are gone are forgotten.
func TestForgets(t *testing.T) {
	b := New[int](1, Options{})
	b.Observe(second, samples([]int64{1, 1}, []int{0, 0}))
	b.Observe(second, samples([]int64{1}, []int{0}))
	if _, ok := b.Load(0); !ok || len(b.parts) != 1 || len(b.order) != 1 {
		t.Fatalf("%d partitions known, want only 0", len(b.parts))
	}
}

// Under any constant load the moves end, no partition ever returns to where it
// came from, and what is left can be evened out no further by one move that pays.
func TestConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(1, 8).Draw(t, "shards")
		milli := rapid.SliceOfN(rapid.Int64Range(0, 500), 0, 40).Draw(t, "load")
		at := rapid.SliceOfN(rapid.IntRange(0, shards-1), len(milli), len(milli)).Draw(t, "shard")
		b := New[int](shards, Options{})
		was := func() float64 {
			loads := make([]float64, shards)
			for i, s := range at {
				loads[s] += float64(milli[i])
			}
			sum := 0.0
			for _, l := range loads {
				sum += l * l
			}
			return sum
		}
		quiet, moves := 0, 0
		for interval := 0; quiet < 70; interval++ { // more than the rest of a partition
			if interval > 5000 {
				t.Fatalf("still moving after %d intervals", interval)
			}
			b.Observe(second, samples(milli, at))
			before := was()
			plan := b.Plan()
			if len(plan) > b.o.MaxMoves {
				t.Fatalf("%d moves at once, at most %d", len(plan), b.o.MaxMoves)
			}
			for _, m := range plan {
				if at[m.Key] != m.From || m.To == m.From {
					t.Fatalf("%v, but it is on shard %d", m, at[m.Key])
				}
				at[m.Key] = m.To
			}
			if after := was(); len(plan) > 0 && after >= before {
				t.Fatalf("moves %v: sum of squares %v after %v", plan, after, before)
			}
			moves += len(plan)
			if quiet++; len(plan) > 0 {
				quiet = 0
			}
		}
		// What is left above the limit is what no move of one partition can better.
		loads := b.shardLoads()
		if b.excess(loads) <= b.limit(loads) {
			return
		}
		from, to := extremes(loads)
		if p := b.best(from, loads[from]-loads[to]); p != nil {
			t.Fatalf("after %d moves shard %d has %v and shard %d %v, partition %d with %v could move",
				moves, from, loads[from], to, loads[to], p.key, p.load)
		}
	})
}

// Equal loads move as few as there must: what is above the mean.
func TestFewestMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(2, 6).Draw(t, "shards")
		each := rapid.IntRange(1, 6).Draw(t, "partitions a shard")
		n := shards * each
		milli, at := make([]int64, n), make([]int, n)
		for i := range milli {
			milli[i] = 100
		}
		b := New[int](shards, Options{})
		moves := 0
		for range 200 {
			b.Observe(second, samples(milli, at))
			for _, m := range b.Plan() {
				at[m.Key] = m.To
				moves++
			}
		}
		if most := n - each; moves > most {
			t.Fatalf("%d moves for %d partitions on one of %d shards, %d even them out", moves, n, shards, most)
		}
		loads := b.shardLoads()
		if b.excess(loads) > b.limit(loads) {
			t.Fatalf("after %d moves: %v", moves, loads)
		}
	})
}
