package workloads

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"sort"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func testWorkload() *Workload {
	return &Workload{
		Name: "w", Durability: []string{"process"}, Topics: 1, Partitions: 16, Connections: 8, Inflight: 4, Acks: -1,
		Arrivals: Poisson, Keys: Law{Kind: Zipf, Zipf: 1.1}, Connection: Law{Kind: Uniform}, RecordsPerBatch: 4,
		Size: SizeLaw{MedianBytes: 1024, Sigma: 0.5, MaxBytes: 64 << 10}, Entropy: 0.5,
	}
}

// TestGolden pins the first events: results of different versions are only
// comparable while this holds.
func TestGolden(t *testing.T) {
	g, err := NewGenerator(testWorkload(), 1, 20000)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	payload := make([]byte, 256)
	for i := range int64(1000) {
		for _, v := range []int64{g.At(i), int64(g.Partition(i)), int64(g.Connection(i)), int64(g.Size(i, 0)), int64(g.Size(i, 3))} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(v)))
		}
		g.Payload(i, payload)
		h.Write(payload)
	}
	const want = "aca4748a6b5a92ca97a4fb7aa75f4100d4d5eeb013fc506aaeda6f1767602db6"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the first 1000 events have changed: got %s, want %s", got, want)
	}
}

// TestGapIsTheLogarithm compares the integer logarithm with the library's.
func TestGapIsTheLogarithm(t *testing.T) {
	for _, x := range []uint64{0, 1, 2, 1 << 20, 1<<63 - 2, 1<<63 - 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64} {
		want := -math.Log(math.Ldexp(float64(x)+1, -64))
		if got := math.Ldexp(float64(gap(x)), -gapBits); math.Abs(got-want) > 1e-11 {
			t.Errorf("gap(%d): got %.15g, want %.15g", x, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Uint64().Draw(t, "x")
		want := -math.Log(math.Ldexp(float64(x)+1, -64))
		if got := math.Ldexp(float64(gap(x)), -gapBits); math.Abs(got-want) > 1e-11 {
			t.Fatalf("gap(%d): got %.15g, want %.15g", x, got, want)
		}
	})
}

// TestConstantIsExact compares with rational arithmetic far into a run.
func TestConstantIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micro := rapid.Int64Range(1000, 100_000_000_000_000).Draw(t, "rate in 1e-6/s")
		i := rapid.Int64Range(0, 1<<40).Draw(t, "i")
		s, err := NewSchedule(1, float64(micro)/1e6, Constant)
		if err != nil {
			t.Fatal(err)
		}
		want := new(big.Int).Mul(big.NewInt(i), big.NewInt(1e15))
		want.Div(want, big.NewInt(int64(s.microRate)))
		if !want.IsInt64() {
			return
		}
		if got := s.At(i); got != want.Int64() {
			t.Fatalf("event %d at %d/1e6 per second: got %d, want %v", i, micro, got, want)
		}
	})
	s, _ := NewSchedule(1, 3e6, Constant)
	if got := s.At(3_000_000_000); got != 1e12 {
		t.Errorf("3e9 events at 3e6/s: got %d ns, want exactly 1000 s", got)
	}
}

// TestPoissonSumsExactly adds the gaps with big integers.
func TestPoissonSumsExactly(t *testing.T) {
	const rate, n = 12345.678901, 5000
	s, err := NewSchedule(42, rate, Poisson)
	if err != nil {
		t.Fatal(err)
	}
	total := new(big.Int)
	for i := range int64(n) {
		total.Add(total, new(big.Int).SetUint64(gap(draw(42, i))))
		want := new(big.Int).Mul(total, big.NewInt(1e15))
		want.Rsh(want, gapBits)
		want.Div(want, big.NewInt(12345678901))
		if got := s.At(i); got != want.Int64() {
			t.Fatalf("event %d: got %d, want %v", i, got, want)
		}
	}
}

// TestScheduleIsPure asks for events in random order and wants what a walk in
// order gives.
func TestScheduleIsPure(t *testing.T) {
	const n = 5000
	for _, law := range []string{Poisson, Constant} {
		walk, _ := NewSchedule(9, 1000, law)
		want := make([]int64, n)
		for i := range want {
			want[i] = walk.At(int64(i))
			if i > 0 && want[i] < want[i-1] {
				t.Fatalf("%s: event %d at %d is before its predecessor at %d", law, i, want[i], want[i-1])
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			s, _ := NewSchedule(9, 1000, law)
			for range 20 {
				i := rapid.Int64Range(0, n-1).Draw(t, "i")
				if got := s.At(i); got != want[i] {
					t.Fatalf("%s: event %d out of order: got %d, want %d", law, i, got, want[i])
				}
			}
		})
	}
}

// TestRatesShareTheirGaps: half the rate is the same process at twice the time.
func TestRatesShareTheirGaps(t *testing.T) {
	fast, _ := NewSchedule(5, 2000, Poisson)
	slow, _ := NewSchedule(5, 1000, Poisson)
	for i := range int64(2000) {
		if f, s := fast.At(i), slow.At(i); s-2*f < 0 || s-2*f > 1 {
			t.Fatalf("event %d: %d at half the rate is not twice %d", i, s, f)
		}
	}
}

// TestPoissonGapsAreExponential is a Kolmogorov-Smirnov test at the 1 % level
// for several seeds, and a test of the count's mean.
func TestPoissonGapsAreExponential(t *testing.T) {
	const n, rate = 20000, 50000.0
	for seed := uint64(1); seed <= 5; seed++ {
		s, _ := NewSchedule(Dimension(seed, "arrivals"), rate, Poisson)
		gaps := make([]float64, n)
		last := int64(0)
		for i := range gaps {
			at := s.At(int64(i))
			gaps[i] = float64(at-last) * rate / 1e9
			last = at
		}
		sort.Float64s(gaps)
		d := 0.0
		for i, g := range gaps {
			f := -math.Expm1(-g)
			d = max(d, f-float64(i)/n, float64(i+1)/n-f)
		}
		// Gaps are whole ns of a mean of 20 us: the law is stepped by 1/20000.
		if limit := 1.628/math.Sqrt(n) + rate/1e9; d > limit {
			t.Errorf("seed %d: KS distance %.5f, want at most %.5f", seed, d, limit)
		}
		mean := float64(last) * rate / 1e9 / n
		if math.Abs(mean-1) > 3.3/math.Sqrt(n) {
			t.Errorf("seed %d: mean gap of %.4f, want 1", seed, mean)
		}
	}
}

// TestChoicesFollowTheirLaws is a chi-square test at the 0.1 % level.
func TestChoicesFollowTheirLaws(t *testing.T) {
	const n, draws = 16, 100000
	for _, law := range []Law{{Kind: None}, {Kind: Uniform}, {Kind: Zipf, Zipf: 1.1}, {Kind: Zipf, Zipf: 0.5}, {Kind: Hotspot, Hot: 0.25, HotLoad: 0.9}, {Kind: Hotspot, Hot: 1, HotLoad: 0.5}} {
		for seed := uint64(1); seed <= 3; seed++ {
			c, err := NewChoice(seed, law, n)
			if err != nil {
				t.Fatal(err)
			}
			seen := make([]float64, n)
			for i := range int64(draws) {
				seen[c.Of(i)]++
			}
			chi, total := 0.0, 0.0
			for v, got := range seen {
				total += c.Weight(v)
				want := draws * c.Weight(v)
				chi += (got - want) * (got - want) / want
			}
			if math.Abs(total-1) > 1e-12 {
				t.Errorf("%+v: the weights add up to %g", law, total)
			}
			if limit := (distuv.ChiSquared{K: n - 1}).Quantile(0.999); chi > limit {
				t.Errorf("%+v seed %d: chi-square %.1f, want at most %.1f", law, seed, chi, limit)
			}
		}
	}
}

// TestZipfWeights checks the law itself: the k-th hottest has weight k^-s.
func TestZipfWeights(t *testing.T) {
	c, _ := NewChoice(3, Law{Kind: Zipf, Zipf: 1.1}, 10)
	weights := make([]float64, 10)
	for v := range weights {
		weights[v] = c.Weight(v)
	}
	sort.Sort(sort.Reverse(sort.Float64Slice(weights)))
	for k, w := range weights {
		if want := weights[0] * math.Pow(float64(k+1), -1.1); math.Abs(w-want) > 1e-12 {
			t.Errorf("rank %d: got %g, want %g", k+1, w, want)
		}
	}
	if c.Weight(10) != 0 {
		t.Error("what cannot be drawn has a weight")
	}
}

func TestRoundRobin(t *testing.T) {
	c, _ := NewChoice(1, Law{Kind: RoundRobin}, 3)
	for i := range int64(10) {
		if got := c.Of(i); got != int(i%3) {
			t.Errorf("event %d: got %d, want %d", i, got, i%3)
		}
	}
}

// TestTurnsDoNotGoInStep: where partitions and connections are both taken in turn, every
// connection carries every partition, each as often as the others.
func TestTurnsDoNotGoInStep(t *testing.T) {
	for _, c := range []struct{ partitions, connections int }{{4, 8}, {8, 4}, {6, 4}, {5, 3}, {4, 4}, {1, 3}, {3, 1}} {
		w := testWorkload()
		w.Partitions, w.Connections, w.Keys, w.Connection = c.partitions, c.connections, Law{Kind: RoundRobin}, Law{Kind: RoundRobin}
		g, err := NewGenerator(w, 1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[[2]int]int{}
		const rounds = 3
		for i := range int64(rounds * c.partitions * c.connections * c.connections) {
			seen[[2]int{g.Partition(i), g.Connection(i)}]++
		}
		for pair, n := range seen {
			if n != rounds*c.connections {
				t.Errorf("%+v: partition and connection %v meet %d times, want %d", c, pair, n, rounds*c.connections)
			}
		}
		if len(seen) != c.partitions*c.connections {
			t.Errorf("%+v: %d pairs of partition and connection", c, len(seen))
		}
	}
}

// TestAmongFewer: a law over some of the partitions is that law, not what is left of
// the whole one's draws.
func TestAmongFewer(t *testing.T) {
	w := testWorkload()
	w.Partitions, w.Keys = 10, Law{Kind: Uniform}
	g, err := NewGenerator(w, 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	const n = 40_000
	seen := make([]float64, 4)
	for i := range int64(n) {
		seen[g.PartitionAmong(i, len(seen))]++
	}
	for _, x := range seen {
		if sigma := math.Sqrt(n * 0.25 * 0.75); math.Abs(x-n/4) > 4*sigma {
			t.Errorf("got %v of %d, want a quarter each", seen, n)
			break
		}
	}
	for i := range int64(100) {
		if g.PartitionAmong(i, 10) != g.Partition(i) || g.ConnectionAmong(i, w.Connections) != g.Connection(i) {
			t.Fatalf("event %d: among all is not what is chosen of all", i)
		}
	}
}

func TestSizes(t *testing.T) {
	g, _ := NewGenerator(testWorkload(), 3, 0)
	if g.Schedule != nil {
		t.Error("a closed loop has a schedule")
	}
	const n = 20000
	var logs []float64
	for i := range int64(n / 4) {
		for r := range 4 {
			s := g.Size(i, r)
			if s < 1 || s > 64<<10 {
				t.Fatalf("a size of %d is out of bounds", s)
			}
			logs = append(logs, math.Log(float64(s)))
		}
	}
	mean, sq := 0.0, 0.0
	for _, x := range logs {
		mean += x / n
	}
	for _, x := range logs {
		sq += (x - mean) * (x - mean) / n
	}
	if want := math.Log(1024); math.Abs(mean-want) > 4*0.5/math.Sqrt(n) {
		t.Errorf("mean log size: got %.4f, want %.4f", mean, want)
	}
	if got := math.Sqrt(sq); math.Abs(got-0.5) > 0.015 {
		t.Errorf("sigma: got %.4f, want 0.5", got)
	}
	w := testWorkload()
	w.Size = SizeLaw{MedianBytes: 1024, Sigma: 0.5, MaxBytes: 1100}
	g, _ = NewGenerator(w, 3, 0)
	capped := 0
	for i := range int64(1000) {
		if s := g.Size(i, 0); s == 1100 {
			capped++
		} else if s > 1100 {
			t.Fatalf("size %d is above the largest", s)
		}
	}
	if capped == 0 {
		t.Error("no size met the bound")
	}
}

func TestPayload(t *testing.T) {
	for _, entropy := range []float64{0, 0.25, 1} {
		w := testWorkload()
		w.Entropy = entropy
		g, _ := NewGenerator(w, 3, 0)
		a, b, c := make([]byte, 6400), make([]byte, 6400), make([]byte, 6400)
		g.Payload(1, a)
		g.Payload(1, b)
		g.Payload(2, c)
		if !bytes.Equal(a, b) {
			t.Errorf("entropy %g: payload 1 differs from itself", entropy)
		}
		if bytes.Equal(a, c) != (entropy == 0) {
			t.Errorf("entropy %g: payloads 1 and 2 equal: %v", entropy, bytes.Equal(a, c))
		}
		same := 0
		for _, x := range a {
			if x == 'c' {
				same++
			}
		}
		random := float64(len(a)-same) / float64(len(a))
		if math.Abs(random-entropy*255/256) > 0.01 {
			t.Errorf("entropy %g: %.3f of the bytes vary", entropy, random)
		}
	}
}

// TestDimensionsAreIndependent changes one dimension and wants the others to stay.
func TestDimensionsAreIndependent(t *testing.T) {
	w := testWorkload()
	a, _ := NewGenerator(w, 1, 1000)
	v := testWorkload()
	v.Keys, v.Size, v.Arrivals = Law{Kind: Uniform}, SizeLaw{MedianBytes: 10, MaxBytes: 10}, Constant
	b, _ := NewGenerator(v, 1, 1000)
	other, _ := NewGenerator(w, 2, 1000)
	moved := 0
	for i := range int64(100) {
		if a.Connection(i) != b.Connection(i) {
			t.Fatalf("event %d changed its connection with the keys", i)
		}
		if a.Connection(i) != other.Connection(i) {
			moved++
		}
	}
	if moved < 50 {
		t.Errorf("only %d of 100 events changed their connection with the seed", moved)
	}
	seen := map[uint64]string{}
	for _, n := range []string{"arrivals", "partitions", "connections", "sizes", "payload", "rank"} {
		for seed := range uint64(100) {
			d := Dimension(seed, n)
			if was := seen[d]; was != "" {
				t.Errorf("%s and %s share seed %d", n, was, d)
			}
			seen[d] = n
		}
	}
}

func TestNewScheduleRefuses(t *testing.T) {
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1), 1e-9, 2e8} {
		if _, err := NewSchedule(1, rate, Poisson); err == nil {
			t.Errorf("a rate of %g was taken", rate)
		}
	}
	if _, err := NewSchedule(1, 1, "pareto"); err == nil {
		t.Error("an unknown law was taken")
	}
}

func BenchmarkSchedule(b *testing.B) {
	s, _ := NewSchedule(1, 20000, Poisson)
	for i := range int64(b.N) {
		s.At(i)
	}
}

// TestNothingAcknowledged: what asks for the last acknowledged batch needs one.
func TestNothingAcknowledged(t *testing.T) {
	w := testWorkload()
	w.Classes = []Class{{Name: TailFetch, PerSecond: 1, Arrivals: Poisson, Connections: 1, Inflight: 1}}
	if err := w.Validate(); err != nil {
		t.Error(err)
	}
	w.Acks = 0
	if err := w.Validate(); err == nil {
		t.Error("tail fetches of what is not acknowledged are taken")
	}
}
