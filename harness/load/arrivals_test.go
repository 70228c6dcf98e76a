package load

import (
	"math"
	"testing"

	"github.com/ceteris/ceteris/workloads"
)

func realised(t *testing.T, law string, rate float64, n int) []int64 {
	t.Helper()
	s, err := workloads.NewSchedule(7, rate, law)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int64, n)
	for i := range out {
		out[len(out)-1-i] = s.At(int64(i)) // any order will do
	}
	return out
}

func TestArrivalsFollowTheirLaw(t *testing.T) {
	a := checkArrivals(workloads.Poisson, 1000, realised(t, workloads.Poisson, 1000, 5000))
	if a.N != 4999 || a.KS > a.KSCritical || math.Abs(a.GapCV-1) > 0.05 || math.Abs(a.GapMeanNs-1e6) > 5e4 {
		t.Errorf("poisson: got %+v", a)
	}
	if a := checkArrivals(workloads.Poisson, 1100, realised(t, workloads.Poisson, 1000, 5000)); a.KS <= a.KSCritical {
		t.Errorf("a rate off by a tenth passes: %+v", a)
	}
	if a := checkArrivals(workloads.Poisson, 1000, realised(t, workloads.Constant, 1000, 5000)); a.KS < 0.5 {
		t.Errorf("constant gaps pass for exponential ones: %+v", a)
	}
	a = checkArrivals(workloads.Constant, 1000, realised(t, workloads.Constant, 1000, 500))
	if a.KS != 0 || a.GapCV > 1e-9 || a.GapMeanNs != 1e6 {
		t.Errorf("constant: got %+v", a)
	}
	if a := checkArrivals(workloads.Poisson, 1000, []int64{5}); a.N != 0 {
		t.Errorf("one arrival: got %+v", a)
	}
}

// TestSendsKeepOneStretch: two threads that see every other request keep the
// same stretch of the schedule.
func TestSendsKeepOneStretch(t *testing.T) {
	a, b := newSends(maxArrivals), newSends(maxArrivals)
	a.first, b.first = 10, 10
	for i := range int64(maxArrivals + 100) {
		[]*sends{a, b}[i%2].note(10+i, i)
	}
	if len(a.at)+len(b.at) != maxArrivals || a.at[len(a.at)-1] != maxArrivals-2 || b.at[len(b.at)-1] != maxArrivals-1 {
		t.Errorf("got %d and %d", len(a.at), len(b.at))
	}
}

func TestRing(t *testing.T) {
	r := newRing[int](3)
	next, want := 0, 0
	for range 100 {
		for range 7 {
			r.push(next)
			next++
		}
		for range 5 {
			if got := r.pop(); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			want++
		}
		if r.n != next-want || *r.at(0) != want || *r.at(r.n - 1) != next-1 {
			t.Fatalf("%d queued from %d to %d, want %d from %d to %d", r.n, *r.at(0), *r.at(r.n - 1), next-want, want, next-1)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an empty ring gave something")
		}
	}()
	empty := newRing[int](1)
	empty.pop()
}
