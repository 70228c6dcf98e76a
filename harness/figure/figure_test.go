package figure

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/harness/stats"
)

var twoArms = NewPalette([]Arm{{"tpc", "tpc"}, {"threadpool", "threadpool"}})

// samples is one of every kind of figure, with what tends to go wrong in them.
func samples() []*Figure {
	head := func(name string) Figure {
		return Figure{Name: name, Title: "A title of " + name, Footer: "host class C · durability process · 3 blocks"}
	}
	h := hdr.New(1, 60e9, 3)
	for i := range int64(5000) {
		_ = h.RecordValue(i * i) // the first is 0
	}
	y := Range{100, 25e6}.Decimal()
	curves := []Curve{
		{"tpc", false, 5000, Quantiles(h, 99.9)},
		{"threadpool", true, 5000, Quantiles(h, 90)},
	}
	points := []LoadPoint{
		{"tpc", false, 0, 1000, 1000, false, 2e5, 5e5, true, true},
		{"tpc", true, 0, 1000, 1000, false, 2e5, 0, true, false},
		{"tpc", false, 0, 9000, 5000, true, 2e9, 5e9, true, true}, // above the axis
		{"threadpool", false, 0, 1000, 0, false, 1, 1, true, true},
	}
	bars := []StageBar{{"1k/s", "tpc", 10, []float64{1e3, 2e3, 0}}, {"1k/s", "threadpool", 10, []float64{1e4, 0, 5}}, {"2k/s", "tpc", 1, []float64{1, 1, 1}}}
	effect := func(pairs ...float64) stats.Effect {
		var p []stats.Pair
		for i, r := range pairs {
			p = append(p, stats.Pair{Block: i, A: r, B: 1})
		}
		e, err := stats.Compare(p, p[:min(1, len(p))], 0)
		if err != nil {
			panic(err)
		}
		return e
	}
	rows := []EffectRow{
		{"first", []stats.Effect{effect(.5, .5, .5, .5, .5, .5), effect(1e-6, 1e6)}},
		{"second", []stats.Effect{effect(), effect(1.2)}},
	}
	return []*Figure{
		Percentiles(head("percentiles"), twoArms, "response time", curves, y, 99.9),
		LoadLatency(head("load"), twoArms, points, Range{0, 5000}, y),
		Stages(head("stages"), []string{"Receive", "Local", "Remote"}, bars, Range{0, 1e4}),
		Cost(head("cpu"), twoArms, []CostPoint{{"tpc", false, 0, "1k/s", false, 5e3}, {"tpc", true, 0, "1k/s", true, 6e3}}, Range{5e3, 6e3}.Decimal()),
		Heat(head("threads"), []HeatRow{
			{"tpc", "shard-0", []HeatStep{{0, 0.5, 1, 0, 0}, {0.5, 1, 0.97, 0.03, 0}, {1.5, 2, 0, 0.5, 0.5}}}, // with a gap
			{"tpc", "shard-1", nil},
			{"threadpool", "network-0", []HeatStep{{0, 2, 0, 0, 1}}},
		}),
		Sweep(head("sweep"), twoArms, "connections", []SweepPanel{{"p50", "p50_ns", Duration}, {"memory", "rss_bytes", Bytes}}, []SweepPoint{
			{"tpc", false, 0, 1, []float64{1e5, 1 << 20}}, {"tpc", true, 0, 10000, []float64{2e5, 1 << 30}}, {"threadpool", false, 0, 100, []float64{0, 5}},
		}),
		Shift(head("shift"), twoArms, []ShiftCurve{
			{"tpc", []stats.ShiftPoint{
				{Percentile: 10, Ratio: stats.Of(0.8), Lo: stats.Of(0.7), Hi: stats.Of(0.9)},
				{Percentile: 50, Ratio: stats.Of(0.7), Lo: stats.Of(0.65), Hi: stats.Of(0.8)},
				{Percentile: 99, Ratio: stats.Of(2), Lo: stats.Of(1e-9), Hi: stats.Of(1e9)}, // beyond the axis
			}},
			{"threadpool", []stats.ShiftPoint{{Percentile: 10, Ratio: stats.Refuse("none"), Lo: stats.Refuse("none"), Hi: stats.Refuse("none")}, {Percentile: 90, Ratio: stats.Of(1)}}},
		}),
		Capacity(head("capacity"), twoArms, []CapacityProbe{
			{"tpc", false, 0, 1000, 1e6, true}, {"tpc", false, 0, 8000, 9e6, false}, {"tpc", true, 0, 4000, 2e6, true}, {"threadpool", false, 0, 2000, 0, false},
		}, []CapacityMark{
			{"tpc", stats.Of(5600), stats.Of(4500), stats.Of(1e9)}, {"threadpool", stats.Refuse("none"), stats.Refuse("none"), stats.Refuse("none")},
		}, 5e6),
		Effects(head("effects"), []string{"p50", "p99"}, rows),
		Stall(head("stall"), twoArms, 5e6, 1e8, []StallView{
			{"open", "tpc", []int64{1900, 5, 5, 4, 6, 5}, 5}, {"closed", "tpc", []int64{20000, 0, 0, 0, 0, 1}, 0},
		}),
	}
}

// TestFormats: every format of every kind is drawn, twice the same, and the data
// beside it is a table.
func TestFormats(t *testing.T) {
	again := samples()
	for i, f := range samples() {
		dir := t.TempDir()
		if err := f.Save(dir); err != nil {
			t.Fatal(err)
		}
		other := t.TempDir()
		if err := again[i].Save(other); err != nil {
			t.Fatal(err)
		}
		read := func(dir, ext string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, f.Name+ext))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for _, ext := range []string{".svg", ".pdf", ".png", ".csv"} {
			if !bytes.Equal(read(dir, ext), read(other, ext)) {
				t.Errorf("%s%s: two drawings differ", f.Name, ext)
			}
		}
		svg := string(read(dir, ".svg"))
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || !strings.Contains(svg, "host class C") || !strings.Contains(svg, "A title of "+f.Name) {
			t.Errorf("%s.svg: not finite, or without its title or footer", f.Name)
		}
		if pdf := read(dir, ".pdf"); !bytes.HasPrefix(pdf, []byte("%PDF")) || bytes.Contains(pdf, []byte("D:202")) {
			t.Errorf("%s.pdf: not a PDF, or dated", f.Name)
		}
		if _, err := png.Decode(bytes.NewReader(read(dir, ".png"))); err != nil {
			t.Errorf("%s.png: %v", f.Name, err)
		}
		if rows, err := csv.NewReader(bytes.NewReader(f.CSV)).ReadAll(); err != nil || len(rows) < 2 {
			t.Errorf("%s.csv: %d rows, %v", f.Name, len(rows), err)
		}
	}
}

// TestStyles: no two arms look alike, with and without colour, and a model looks
// the same whatever it is compared with.
func TestStyles(t *testing.T) {
	arms := []Arm{
		{"null", "null"},
		{"a", "threadpool"},
		{"b", "threadpool"},
		{"c", "threadpool"},
		{"d", "tpc"},
		{"e", "tpc"},
		{"f", "of the future"},
		{"g", "threadpool"},
	}
	p := NewPalette(arms)
	seen := map[string]string{}
	for _, a := range arms {
		s := p.style(a.Name, false)
		for _, look := range []string{fmt.Sprint("colour ", s.Color), fmt.Sprint("dash ", s.Dashes, " marker ", fmt.Sprintf("%T", s.Glyph))} {
			if other := seen[look]; other != "" {
				t.Errorf("%s and %s have the same %s", a.Name, other, look)
			}
			seen[look] = a.Name
		}
		again := p.style(a.Name, true)
		if again.Color != grey || fmt.Sprint(again.Dashes) != fmt.Sprint(s.Dashes) || again.Glyph != s.Glyph {
			t.Errorf("%s: its replicate is %+v", a.Name, again)
		}
	}
	if p.style("d", false).Color != blue || p.style("a", false).Color != vermilion || p.style("null", false).Color != green {
		t.Error("a model does not have its colour")
	}
}

func TestDuration(t *testing.T) {
	for ns, want := range map[float64]string{
		0: "0 ns", 5: "5 ns", 999: "999 ns", 999.9: "1 µs", 1000: "1 µs", 12345: "12.3 µs", 999999: "1 ms", 2e6: "2 ms", 1.5e9: "1.5 s", 6e10: "60 s",
	} {
		if got := Duration(ns); got != want {
			t.Errorf("%v ns: %q, want %q", ns, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 500: "500", 2000: "2000", 20000: "20k", 1.25e6: "1.25M"} {
		if got := Count(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for in, want := range map[Range]Range{
		{150, 3000}: {100, 5000}, {100, 5000}: {100, 5000}, {1000, 1001}: {1000, 5000}, {}: {1, 5}, {2, 1.9e9}: {2, 2e9}, {0.15, 0.9}: {0.1, 1},
	} {
		got := in.Decimal()
		if math.Abs(got.Min/want.Min-1) > 1e-9 || math.Abs(got.Max/want.Max-1) > 1e-9 {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lo := math.Pow(10, rapid.Float64Range(-3, 10).Draw(t, "lo"))
		r := Range{lo, lo * math.Pow(10, rapid.Float64Range(0, 6).Draw(t, "decades"))}
		d := r.Decimal()
		if d.Min > r.Min*(1+1e-9) || d.Max < r.Max*(1-1e-9) || d.Max/d.Min < 5*(1-1e-9) || d.Max/d.Min > 30*r.Max/r.Min {
			t.Fatalf("%v became %v", r, d)
		}
		labels := 0
		for _, tick := range ticks125(d, Duration) {
			if !tick.IsMinor() {
				labels++
			}
		}
		if labels < 2 || labels > 14 {
			t.Fatalf("%v has %d labels", d, labels)
		}
	})
}

func TestRatioAxis(t *testing.T) {
	for _, widest := range []float64{1, 1.2, 1.5, 1.9, 2.5, 5, 10, 30, 1e9} {
		a := ratioAxis("x", widest)
		labels := map[string]bool{}
		for _, tick := range a.ticks {
			if tick.IsMinor() {
				continue
			}
			if labels[tick.Label] {
				t.Errorf("up to %v: label %s twice", widest, tick.Label)
			}
			labels[tick.Label] = true
			mirrored := false
			for _, other := range a.ticks {
				mirrored = mirrored || math.Abs(other.Value*tick.Value-1) < 1e-12
			}
			if !mirrored {
				t.Errorf("up to %v: %v has no mirror image", widest, tick.Value)
			}
		}
		if len(labels) < 3 || len(labels) > 7 || math.Abs(a.Min*a.Max-1) > 1e-12 || a.Max > 40 {
			t.Errorf("up to %v: %d labels on %v", widest, len(labels), a.Range)
		}
	}
}

func TestQuantiles(t *testing.T) {
	h := hdr.New(1, 60e9, 3)
	for i := range int64(10000) {
		if err := h.RecordValue(i * 100); err != nil {
			t.Fatal(err)
		}
	}
	for _, upTo := range []float64{20, 50, 90, 99, 99.5, 99.9} {
		q := Quantiles(h, upTo)
		has := map[float64]float64{}
		for i, p := range q {
			has[p.Percentile] = p.Ns
			if i > 0 && (p.Percentile <= q[i-1].Percentile || p.Ns < q[i-1].Ns) {
				t.Fatalf("up to %v: %v after %v", upTo, p, q[i-1])
			}
		}
		if q[0] != (Quantile{0, 1}) || q[len(q)-1].Percentile != upTo {
			t.Errorf("up to %v: from %v to %v", upTo, q[0], q[len(q)-1])
		}
		for _, p := range []float64{50, 90, 99, 99.9} {
			if p <= upTo && math.Abs(has[p]/(p*1e4)-1) > 0.01 {
				t.Errorf("up to %v: p%v is %v", upTo, p, has[p])
			}
		}
	}
}

func TestNinesScale(t *testing.T) {
	for p, want := range map[float64]float64{0: 0, 90: 1. / 3, 99: 2. / 3, 99.9: 1, 100: 1} {
		if got := (nines{}).Normalize(0, 99.9, p); math.Abs(got-want) > 1e-9 {
			t.Errorf("p%v lies at %v, want %v", p, got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 1}, {[]float64{5, 1, 3}, 3}, {[]float64{4, 1, 3, 2}, 2}} {
		if got := Median(c.v); got != c.want {
			t.Errorf("%v: %v, want %v", c.v, got, c.want)
		}
	}
}
