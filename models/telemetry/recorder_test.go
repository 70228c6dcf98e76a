package telemetry

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// drawStamps makes a request's stamps, some of them broken.
func drawStamps(rng *rand.Rand, broken bool) Stamps {
	var s Stamps
	at := 1 + rng.Int64N(1e9)
	for i := range s {
		s[i] = at
		at += rng.Int64N(1 << rng.IntN(30))
	}
	if broken {
		for range 1 + rng.IntN(4) {
			s[rng.IntN(len(s))] = []int64{0, -1, 1, at + 1e9}[rng.IntN(4)]
		}
	}
	return s
}

// The closure of the stage clock: whatever the stamps, the nine parts add up to
// the total to the nanosecond, and the views to their parts.
func TestStagesAddUpToTheTotal(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := NewRecorder()
		const requests = 50
		for i := range requests {
			s := drawStamps(rng, i%3 == 0)
			r.Record(int16(i%4), &s)
		}
		var counted uint64
		for c := range ClassCount {
			st := &r.live.Stages[c]
			var parts int64
			for s := range Parts {
				parts += st[s].SumNs
			}
			if parts != st[Total].SumNs {
				t.Fatalf("seed %d: %s: stages add up to %d ns, total is %d", seed, c, parts, st[Total].SumNs)
			}
			if got, want := st[RequestQueue].SumNs, st[Decode].SumNs+st[Offer].SumNs+st[Handoff].SumNs; got != want {
				t.Fatalf("seed %d: %s: RequestQueue %d, its parts %d", seed, c, got, want)
			}
			if got, want := st[ResponseQueue].SumNs, st[Encode].SumNs+st[ResponseHandoff].SumNs; got != want {
				t.Fatalf("seed %d: %s: ResponseQueue %d, its parts %d", seed, c, got, want)
			}
			for s := range st {
				if st[s].Count != st[Total].Count || st[s].MinNs < 0 {
					t.Fatalf("seed %d: %s/%s: count %d min %d, want count %d and no negative", seed, c, Stage(s), st[s].Count, st[s].MinNs, st[Total].Count)
				}
			}
			counted += st[Total].Count
		}
		if counted != requests {
			t.Fatalf("seed %d: %d requests recorded, want %d", seed, counted, requests)
		}
	}
}

func TestBrokenStampsAreCounted(t *testing.T) {
	good := Stamps{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}
	for _, c := range []struct {
		name               string
		change             func(*Stamps)
		missing, backwards []Stamp
		totalNs            int64
	}{
		{"none", func(*Stamps) {}, nil, nil, 90},
		{"one missing", func(s *Stamps) { s[Started] = 0 }, []Stamp{Started}, nil, 90},
		{"first missing", func(s *Stamps) { s[Readable] = 0 }, []Stamp{Readable}, nil, 80},
		{"last missing", func(s *Stamps) { s[Sent] = 0 }, []Stamp{Sent}, nil, 80},
		{"one back", func(s *Stamps) { s[Encoded] = 65 }, nil, []Stamp{Encoded}, 90},
		{"one ahead", func(s *Stamps) { s[Framed] = 45 }, nil, []Stamp{Decoded, Offered}, 90},
		{"equal is fine", func(s *Stamps) { s[Framed] = 10 }, nil, nil, 90},
		{"all missing", func(s *Stamps) { *s = Stamps{} }, []Stamp{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, nil, 0},
	} {
		s := good
		c.change(&s)
		kept := s
		r := NewRecorder()
		r.Record(0, &s)
		if s != kept {
			t.Errorf("%s: the caller's stamps were changed", c.name)
		}
		var missing, backwards [StampCount]uint64
		for _, st := range c.missing {
			missing[st] = 1
		}
		for _, st := range c.backwards {
			backwards[st] = 1
		}
		if got := r.live.Missing[Produce]; got != missing {
			t.Errorf("%s: missing %v, want %v", c.name, got, missing)
		}
		if got := r.live.Backwards[Produce]; got != backwards {
			t.Errorf("%s: backwards %v, want %v", c.name, got, backwards)
		}
		if h := r.live.Stages[Produce][Total]; h.Count != 1 || h.SumNs != c.totalNs {
			t.Errorf("%s: total %d ns of %d requests, want %d of 1", c.name, h.SumNs, h.Count, c.totalNs)
		}
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	r := NewRecorder()
	s := Stamps{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	if got := testing.AllocsPerRun(1000, func() {
		r.Record(1, &s)
		r.Poll()
		r.ask()
		r.Poll()
		r.collect()
	}); got != 0 {
		t.Errorf("Record and Poll allocate %v times, want 0", got)
	}
}

// Scrapes while threads record lose nothing and count nothing twice.
func TestScrapesLoseNothing(t *testing.T) {
	const threads, requests = 3, 20000
	g := NewRegistry()
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range threads {
		r := NewRecorder()
		g.AddRecorder(r, nil)
		all.Go(func() {
			s := Stamps{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
			for range requests {
				r.Poll()
				r.Record(0, &s)
			}
			for { // the thread goes on polling, as a shard does
				select {
				case <-stop:
					return
				default:
					r.Poll()
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	var last uint64
	for last < threads*requests {
		st := g.Stages()
		n := st.Bank.Stages[Produce][Total].Count
		if n < last || n > threads*requests {
			t.Fatalf("a scrape counts %d requests after %d, of %d", n, last, threads*requests)
		}
		last = n
	}
	g.ResetStages()
	if n := g.Stages().Bank.Stages[Produce][Total].Count; n != 0 {
		t.Errorf("%d requests after a reset, want 0", n)
	}
	close(stop)
	all.Wait()
}

// A thread that sleeps through a scrape is reported as stale, and what it counted
// before a reset does not show after it.
func TestSleepingThread(t *testing.T) {
	g, r := NewRegistry(), NewRecorder()
	g.AddRecorder(r, nil)
	s := Stamps{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	r.Record(0, &s)
	if st := g.Stages(); st.Stale != 1 || st.Bank.Stages[Produce][Total].Count != 0 {
		t.Errorf("stale %d, count %d, want 1, 0", st.Stale, st.Bank.Stages[Produce][Total].Count)
	}
	g.ResetStages()
	r.Poll() // awake again: hands over what it counted before
	r.Record(0, &s)
	r.Record(0, &s)
	woken := 0
	g.recorders[0].wake = func() { woken++; r.Poll() }
	if st := g.Stages(); st.Stale != 0 || st.Bank.Stages[Produce][Total].Count != 2 {
		t.Errorf("stale %d, count %d, want 0, the 2 after the reset", st.Stale, st.Bank.Stages[Produce][Total].Count)
	}
	if woken != 1 {
		t.Errorf("woken %d times, want once a scrape", woken)
	}
}
