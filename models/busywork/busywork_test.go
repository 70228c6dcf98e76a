package busywork

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/ceteris/ceteris/models"
)

func configured(t *testing.T, settings ...string) *models.Config {
	t.Helper()
	cfg := &models.Config{}
	for i := 0; i < len(settings); i += 2 {
		if err := cfg.Set(settings[i], settings[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

// TestLaws: each law has the mean asked for and its own squared coefficient of
// variation, and the exponential one is exponential (Kolmogorov-Smirnov, 0.1 %).
func TestLaws(t *testing.T) {
	const n, mean = 100_000, 20_000
	for _, x := range []struct {
		law  string
		want float64 // squared coefficient of variation
	}{{"0", 0}, {"1", 1}, {"2", 0.9*0.25 + 0.1*5.5*5.5 - 1}} {
		s := New(configured(t, lawKey, x.law)).Stream(3)
		times := make([]float64, n)
		sum, squares := 0.0, 0.0
		for i := range times {
			times[i] = s.next(mean)
			sum += times[i]
			squares += times[i] * times[i]
		}
		got := squares/n/(sum/n*sum/n) - 1
		if math.Abs(sum/n-mean) > 0.02*mean || math.Abs(got-x.want) > 0.05 {
			t.Errorf("law %s: mean %.1f, squared variation %.3f, want %d and %.3f", x.law, sum/n, got, mean, x.want)
		}
		if x.law != "1" {
			continue
		}
		slices.Sort(times)
		ks := 0.0
		for i, v := range times {
			f := -math.Expm1(-v / mean)
			ks = max(ks, f-float64(i)/n, float64(i+1)/n-f)
		}
		if limit := 1.95 / math.Sqrt(n); ks > limit {
			t.Errorf("exponential: KS distance %.5f, want at most %.5f", ks, limit)
		}
	}
}

// TestStreams: a thread's services are its own and the same every time.
func TestStreams(t *testing.T) {
	const mean = 1000
	w := New(configured(t, lawKey, "1"))
	a, again, b := w.Stream(1), w.Stream(1), w.Stream(2)
	same := 0
	for range 100 {
		x, y, z := a.next(mean), again.next(mean), b.next(mean)
		if x != y {
			t.Fatalf("thread 1 draws %g and %g", x, y)
		}
		if x == z {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d of 100 draws of two threads are alike", same)
	}
}

func TestOff(t *testing.T) {
	w := New(configured(t))
	w.cpuNow = func() int64 { t.Error("work where none was asked for"); return math.MaxInt64 }
	w.Stream(0).Do()
	(*Stream)(nil).Do()
}

// TestServe: a service ends with the first look at the clock that shows its time,
// looks grow finer towards the end, and nothing is allocated.
func TestServe(t *testing.T) {
	w := New(configured(t, meanKey, "20000"))
	at, looks := int64(7), 0
	w.cpuNow = func() int64 { at += 3000; looks++; return at } // 20 µs: seven looks after the first
	s := w.Stream(0)
	if s.Do(); looks != 8 {
		t.Errorf("%d looks at the clock, want 8", looks)
	}
	if want := spin(1, 6*coarse+fine); s.state != want { // 20, 17, … 5 µs left, then 2
		t.Errorf("the work was not six coarse steps and a fine one")
	}
	if n := testing.AllocsPerRun(10, s.Do); n != 0 {
		t.Errorf("%g allocations a service", n)
	}
}

// TestThreadNow: the kernel's account of this thread grows with work, however
// little of the processor it gets, and not with sleep.
func TestThreadNow(t *testing.T) {
	s := New(configured(t, meanKey, "2000000")).Stream(0)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadNow()
	s.Do()
	if got := threadNow() - before; got < 2_000_000 {
		t.Errorf("a service of 2 ms took %d ns of CPU time", got)
	}
}

// BenchmarkDo shows what services cost where this runs: none, and 20 µs.
func BenchmarkDo(b *testing.B) {
	for name, mean := range map[string]string{"off": "0", "20us": "20000"} {
		b.Run(name, func(b *testing.B) {
			cfg := &models.Config{}
			if err := cfg.Set(meanKey, mean); err != nil {
				b.Fatal(err)
			}
			s := New(cfg).Stream(0)
			b.ReportAllocs()
			for range b.N {
				s.Do()
			}
		})
	}
}
