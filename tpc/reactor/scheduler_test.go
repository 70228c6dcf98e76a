package reactor

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// world is a scheduler with a clock that only work moves.
type world struct {
	s   scheduler
	now int64
	c   Counters
}

func (w *world) clock() int64 { return w.now }

func (w *world) group(t *testing.T, name string, shares int64) *Group {
	g, err := w.s.add(name, shares)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// run lets rounds of 500 µs quota pass until ns are over or nothing is ready.
func (w *world) run(ns int64) {
	for end := w.now + ns; w.now < end && !w.s.empty(); {
		w.s.run(500_000, w.clock, &w.c)
	}
}

// labour is a step that takes a random time and always has more to do, until
// it is told to rest.
type labour struct {
	w        *world
	rng      *rand.Rand
	min, max int64 // ns
	rest     bool
}

func (l *labour) Step() bool {
	l.w.now += l.min + l.rng.Int64N(l.max-l.min+1)
	return !l.rest
}

// TestShares: groups that always have work stay together in time weighted by
// their shares, however long and many their steps are: no two are ever further
// apart than the longest step, so weighted, of one of them.
func TestShares(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := &world{}
		var groups []*Group
		bound := int64(0)
		for i := range 2 + rng.IntN(MaxGroups-2) {
			g := w.group(t, fmt.Sprint(i), 1+rng.Int64N(MaxShares))
			longest := int64(0)
			for range 1 + rng.IntN(5) {
				l := &labour{w: w, rng: rng, min: 1 + rng.Int64N(10_000), max: 20_000 + rng.Int64N(200_000)}
				longest = max(longest, l.max)
				g.Go(l)
			}
			bound = max(bound, longest*MaxShares/g.shares)
			groups = append(groups, g)
		}
		for range 20 {
			w.run(30_000_000)
			low, high := groups[0].virtual, groups[0].virtual
			for _, g := range groups {
				low, high = min(low, g.virtual), max(high, g.virtual)
			}
			if high-low > bound {
				t.Fatalf("seed %d: groups are %d ns apart, at most %d are to be expected", seed, high-low, bound)
			}
		}
		for _, g := range groups {
			// What the group ran is what it is charged for, up to rounding down each step.
			if want := g.virtual * g.shares / MaxShares; g.c.RunNs < want || g.c.RunNs > want+g.c.Tasks {
				t.Errorf("seed %d: group %s ran %d ns, charged for %d", seed, g.name, g.c.RunNs, want)
			}
		}
	}
}

// TestSharesByExample: 3 to 1 is 3 to 1, though one group has ten tasks that are
// ten times as long.
func TestSharesByExample(t *testing.T) {
	w := &world{}
	rng := rand.New(rand.NewPCG(1, 1))
	produce, background := w.group(t, "produce", 900), w.group(t, "background", 300)
	produce.Go(&labour{w: w, rng: rng, min: 5_000, max: 5_000})
	for range 10 {
		background.Go(&labour{w: w, rng: rng, min: 50_000, max: 50_000})
	}
	w.run(1_000_000_000)
	if got := float64(produce.c.RunNs) / float64(w.now); got < 0.7499 || got > 0.7501 {
		t.Errorf("produce got %.4f of the time, want 0.75", got)
	}
	if total := produce.c.RunNs + background.c.RunNs; total != w.now {
		t.Errorf("%d ns ran of %d", total, w.now)
	}
	// While one runs the other waits, and both always have work.
	if got, want := produce.c.WaitNs, background.c.RunNs; got < want-50_000 || got > want {
		t.Errorf("produce waited %d ns while background ran %d", got, want)
	}
	if got, want := background.c.WaitNs, produce.c.RunNs; got < want-150_000 || got > want+150_000 {
		t.Errorf("background waited %d ns while produce ran %d", got, want)
	}
	if produce.c.QueuePeak != 1 || background.c.QueuePeak != 10 {
		t.Errorf("peaks %d and %d, want 1 and 10", produce.c.QueuePeak, background.c.QueuePeak)
	}
}

// TestSleepEarnsNothing: a group that comes back after any time gets its share
// from then on and no more; one that leaves with a debt still has it.
func TestSleepEarnsNothing(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		w := &world{}
		steady, guest := w.group(t, "steady", 1+rng.Int64N(MaxShares)), w.group(t, "guest", 1+rng.Int64N(MaxShares))
		steady.Go(&labour{w: w, rng: rng, min: 1_000, max: 20_000})
		for range 8 {
			w.run(rng.Int64N(300_000_000))
			l := &labour{w: w, rng: rng, min: 1_000, max: 20_000}
			before, since := guest.c.RunNs, w.now
			guest.Go(l)
			w.run(50_000_000)
			fair := float64(w.now-since) * float64(guest.shares) / float64(guest.shares+steady.shares)
			// A step of each, weighted, is what rounding to whole steps can amount to.
			slack := 20_000 + 20_000*float64(guest.shares)/float64(steady.shares)
			if got := float64(guest.c.RunNs - before); got > fair+slack {
				t.Fatalf("seed %d: a guest of %d among %d shares got %.0f ns of %d, its share is %.0f",
					seed, guest.shares, guest.shares+steady.shares, got, w.now-since, fair)
			}
			l.rest = true
			w.run(20_000_000) // its last step may be far off when its shares are few
			for w.s.ready > 1 {
				w.run(1_000_000)
			}
		}
	}
}

// TestQuotaOverAll: a run of tasks ends with the task that uses up the quota.
func TestQuotaOverAll(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := &world{}
		for i := range 4 {
			w.group(t, fmt.Sprint(i), 1+rng.Int64N(MaxShares)).Go(&labour{w: w, rng: rng, min: 1, max: 90_000})
		}
		for range 100 {
			if took := w.s.run(500_000, w.clock, &w.c); took < 500_000 || took >= 590_000 {
				t.Fatalf("seed %d: a run took %d ns, want the quota of 500000 and less than one task more", seed, took)
			}
		}
		if w.c.QuotaViolations != 0 {
			t.Errorf("seed %d: %d violations of tasks that are all short", seed, w.c.QuotaViolations)
		}
	}
}

// countdown writes its name down a number of times.
type countdown struct {
	name string
	n    int
	out  *[]string
	w    *world
}

func (c *countdown) Step() bool {
	*c.out = append(*c.out, c.name)
	c.w.now += 10
	c.n--
	return c.n > 0
}

// RunTask is the same as a task of one piece.
func (c *countdown) RunTask() { c.Step() }

// TestSteps take turns within a group, and end.
func TestSteps(t *testing.T) {
	w := &world{}
	var out []string
	g := w.group(t, "g", 100)
	g.Go(&countdown{"a", 3, &out, w})
	g.Ready(&countdown{"x", 1, &out, w})
	g.Go(&countdown{"b", 2, &out, w})
	w.run(1_000_000)
	if got := strings.Join(out, ""); got != "axbaba" {
		t.Errorf("order %s, want axbaba", got)
	}
	if !w.s.empty() || w.c.Tasks != 6 {
		t.Errorf("%d tasks ran, ready %d, want 6, 0", w.c.Tasks, w.s.ready)
	}
}

// TestGroupsAreChecked by name, number and shares.
func TestGroupsAreChecked(t *testing.T) {
	r, err := New(Options{CPU: -1, Backend: BackendEpoll})
	if err != nil {
		t.Skip(err)
	}
	for name, shares := range map[string]int64{"main": 5, "none": 0, "many": MaxShares + 1} {
		if _, err := r.NewGroup(name, shares); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("group %q of %d shares: error %v, want one that names it", name, shares, err)
		}
	}
	for i := 1; i < MaxGroups; i++ {
		g, err := r.NewGroup(fmt.Sprint(i), 100)
		if err != nil {
			t.Fatal(err)
		}
		if g.SetShares(0) == nil || g.SetShares(200) != nil {
			t.Error("SetShares took 0 or refused 200")
		}
	}
	if _, err := r.NewGroup("more", 100); err == nil {
		t.Errorf("more than %d groups", MaxGroups)
	}
	if all := r.Groups(); len(all) != MaxGroups || all[0].Name != "main" || all[0].Shares != MaxShares {
		t.Errorf("groups %+v", all)
	}
}

func BenchmarkReadyTask(b *testing.B) {
	for _, groups := range []int{1, 4, MaxGroups} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			w := &world{}
			for i := range groups {
				g, err := w.s.add(fmt.Sprint(i), 1+int64(i)*50)
				if err != nil {
					b.Fatal(err)
				}
				g.Go(tick{w})
			}
			b.ReportAllocs()
			for b.Loop() {
				w.s.run(1, w.clock, &w.c) // one task
			}
		})
	}
}

// tick is the shortest work there is.
type tick struct{ w *world }

func (t tick) Step() bool { t.w.now++; return true }
