package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// squares is the S² of balanced nested data of three levels.
func squares(data [][][]float64) []float64 {
	s := make([]float64, 3)
	var top []float64
	cells := 0
	for _, group := range data {
		var means []float64
		for _, values := range group {
			s[0] += Variance(values)
			cells++
			means = append(means, stat.Mean(values, nil))
		}
		s[1] += Variance(means) / float64(len(data))
		top = append(top, stat.Mean(means, nil))
	}
	s[0] /= float64(cells)
	s[2] = Variance(top)
	return s
}

// The worked example of Kalibera and Jones (2013), as the reference implementation
// softdevteam/libkalibera has it in its tests.
func TestKaliberaJones(t *testing.T) {
	s := squares([][][]float64{{{9, 5}, {8, 3}}, {{10, 6}, {7, 11}}, {{1, 12}, {2, 4}}})
	for i, want := range []float64{16.5, 2.6, 3.6} {
		near(t, "S²", s[i], want, 0.05)
	}
	for i, got := range Components(s, []float64{2, 2}) {
		near(t, "T²", got, []float64{16.5, -5.7, 2.3}[i], 0.05)
	}
	// The same tests: costs of 3, 20 and 100 s.
	s = squares([][][]float64{{{3, 4, 3}, {1.2, 3.1, 3}}, {{0.2, 1, 1.5}, {1, 2, 3}}})
	c := Components(s, []float64{3, 2})
	for i, got := range c {
		near(t, "T²", got, []float64{0.7266667, 0.262777778, 0.7747}[i], 1e-4)
	}
	for i, want := range []float64{5, 2} { // 4.2937 and 1.3023
		got, ok := Repetitions([]float64{3, 20}[i], []float64{20, 100}[i], c[i], c[i+1]).Get()
		if !ok || got != want {
			t.Errorf("level %d: %v repetitions, want %v", i+1, got, want)
		}
	}
}

// Sokal and Rohlf, Biometry, box 10.1: two measurements of each of four mosquitoes in
// each of three cages.
func TestSokalRohlf(t *testing.T) {
	s := squares([][][]float64{
		{{58.5, 59.5}, {77.8, 80.9}, {84.0, 83.6}, {70.1, 68.3}},
		{{69.8, 69.8}, {56.0, 54.5}, {50.7, 49.3}, {63.8, 65.8}},
		{{56.6, 57.5}, {77.8, 79.2}, {69.9, 69.2}, {62.1, 64.5}},
	})
	for i, got := range Components(s, []float64{2, 4}) {
		near(t, "component", got, []float64{1.3017, 94.9424, 17.7064}[i], 1e-3)
	}
}

func TestRepetitions(t *testing.T) {
	for _, c := range []struct {
		lowerCost, upperCost, lower, upper float64
		want                               float64 // 0: refused
	}{
		{1, 4, 9, 1, 6},
		{1, 4, 9, 9, 2},
		{1, 0, 9, 1, 1},
		{4, 1, 1, 9, 1},
		{1, 4, -2, 1, 1},
		{1, 4, 9, 0, 0},
		{1, 4, 9, -1, 0},
		{0, 4, 9, 1, 0},
		{math.NaN(), 4, 9, 1, 0},
	} {
		if got, ok := Repetitions(c.lowerCost, c.upperCost, c.lower, c.upper).Get(); got != c.want || ok != (c.want > 0) {
			t.Errorf("%+v: %v, %v", c, got, ok)
		}
	}
}

// BlocksForHalf is held against the widths that simulated experiments have.
func TestBlocksForHalf(t *testing.T) {
	if BlocksForHalf(1).OK() {
		t.Error("one block has a spread")
	}
	random := rand.New(rand.NewPCG(11, 0))
	width := func(n int) float64 {
		const experiments = 2000
		sum := 0.0
		for range experiments {
			d := make([]float64, n)
			for i := range d {
				d[i] = random.NormFloat64()
			}
			s, err := HodgesLehmann(d)
			if err != nil {
				t.Fatal(err)
			}
			sum += (s.Hi - s.Lo) / experiments
		}
		return sum
	}
	for _, n := range []int{8, 12, 20} {
		more, _ := BlocksForHalf(n).Get()
		if ratio := width(int(more)) / width(n); ratio < 0.42 || ratio > 0.56 {
			t.Errorf("seed 11: %v blocks after %d: width %.3f of what it was, want a half", more, n, ratio)
		}
	}
}
