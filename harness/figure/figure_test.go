package figure

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgeps"
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
		{Arm: "tpc", Count: 5000, Points: Quantiles(h, 99.9), Band: []Bound{{0, 10, 200}, {50, 1e3, 1e9}, {90, 1e6, 3e7}}}, // beyond the axis
		{Arm: "threadpool", Count: 5000, Points: Quantiles(h, 99), Runs: []RunCurve{{0, Quantiles(h, 90)}, {1, nil}}},
		{Arm: "threadpool", Replicate: true, Count: 5000, Points: Quantiles(h, 90)},
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
		Sweep(head("sweep"), twoArms, "connections", []SweepPanel{{"p50", "p50_ns", Duration, true}, {"memory", "rss_bytes", Bytes, false}}, []SweepPoint{
			{"tpc", false, 0, 1, false, []float64{1e5, 1 << 20}}, {"tpc", true, 0, 10000, true, []float64{2e5, 1 << 30}}, {"threadpool", false, 0, 100, false, []float64{0, 5}},
		}),
		Shift(head("shift"), twoArms, []ShiftFloor{{10, 1.05}, {50, 1.1}, {99, 1e3}}, []ShiftCurve{
			{"tpc", []stats.ShiftPoint{
				{Percentile: 10, Ratio: stats.Of(0.8), Lo: stats.Of(0.7), Hi: stats.Of(0.9)},
				{Percentile: 50, Ratio: stats.Of(0.7), Lo: stats.Of(0.65), Hi: stats.Of(0.8)},
				{Percentile: 99, Ratio: stats.Of(2), Lo: stats.Of(1e-9), Hi: stats.Of(1e9)}, // beyond the axis
			}},
			{"threadpool", []stats.ShiftPoint{{Percentile: 10, Ratio: stats.Refuse("none"), Lo: stats.Refuse("none"), Hi: stats.Refuse("none")}, {Percentile: 90, Ratio: stats.Of(1)}}},
		}),
		Capacity(head("capacity"), twoArms, []CapacityProbe{
			{"tpc", false, 0, 1000, 1e6, true}, {"tpc", false, 0, 8000, 9e6, false}, {"tpc", true, 0, 4000, 2e6, true}, {"threadpool", false, 0, 2000, 0, false}, {"threadpool", false, 1, 9000, math.Inf(1), false},
		}, []CapacityMark{
			{"tpc", stats.Of(5600), stats.Of(4500), stats.Of(1e9)}, {"threadpool", stats.Refuse("none"), stats.Refuse("none"), stats.Refuse("none")},
		}, 5e6),
		Theory(head("theory"), twoArms, []string{"p50", "p99"}, []TheoryPoint{
			{"tpc", 250, 0.05, true, []TheoryPanel{{2e5, 2e5, 1e5, 3e5, []float64{2e5}}, {9e5, 8e5, 7e5, 9e5, nil}}},
			{"tpc", 3500, 0.8, false, []TheoryPanel{{6e5, 5e5, 4e5, 7e5, []float64{6e5, 5e5}}, {0, 4e6, 3e6, 5e6, nil}}},
			{"threadpool", 3500, 1.1, true, []TheoryPanel{{9e8, 0, 0, 0, []float64{9e8}}, {9e9, 0, 0, 0, nil}}},
		}),
		Scaling(head("scaling"), twoArms, []ScalingCurve{
			{"tpc", []ScalingPoint{{0, 1, 1000}, {1, 1, 1100}, {0, 64, 9000}}, func(n float64) float64 { return 1000 * n / (1 + 0.1*(n-1)) }},
			{"threadpool", []ScalingPoint{{0, 1, 500}, {0, 64, 0}}, nil},
		}),
		Timeline(head("timeline"), twoArms, []Happening{{"overload", 0.5, 0.8}, {"stall", 0.2, 0.2001}}, []TimelinePanel{
			{"p50", "p50_ns", true, Duration, []TimelineCurve{
				{"tpc", false, 0, []TimelinePoint{{0, 0.5, 1e5}, {0.5, 0.75, 0}, {0.75, 1, 3e6}, {1, 2, 1e5}}}, // with a gap
				{"tpc", true, 3, []TimelinePoint{{0, 0.5, 2e5}, {0.5, 0.75, 1e9}}},
			}},
			{"nothing", "p99_ns", true, Duration, nil},
			{"waiting", "waiting", false, Count, []TimelineCurve{{"threadpool", false, 0, []TimelinePoint{{1, 1, 0}, {2, 2, 40}}}}},
		}),
		Effects(head("effects"), []string{"p50", "p99"}, rows),
		Stall(head("stall"), twoArms, 5e6, 1e8, []StallView{
			{"open", "tpc", []int64{1900, 5, 5, 4, 6, 5}, 5}, {"closed", "tpc", []int64{20000, 0, 0, 0, 0, 1}, 0},
		}),
	}
}

// TestSweepGap: nothing is connected to a latency that measures how long the run was;
// what a message costs is.
func TestSweepGap(t *testing.T) {
	lines := func(saturated bool) int {
		var points []SweepPoint
		for i, x := range []float64{1, 10, 100} {
			points = append(points, SweepPoint{"threadpool", false, 0, x, saturated && i == 1, []float64{1e5, 1e4}})
		}
		f := Sweep(Figure{Name: "sweep"}, twoArms, "connections", []SweepPanel{{"p50", "p50_ns", Duration, true}, {"cpu", "cpu_ns", Duration, false}}, points)
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(svg, []byte("stroke-dasharray:"))
	}
	if whole, gap := lines(false), lines(true); whole != 3 || gap != 2 {
		t.Errorf("%d dashed lines with all points, %d with one that is saturated, want 3 and 2: the legend's and the panels'", whole, gap)
	}
}

// TestHiddenRunsAreCounted: runs that fell behind and carry no percentile make a point one
// of those that are not connected, and runs whose percentile is longer than any that is
// known are in the median.
func TestHiddenRunsAreCounted(t *testing.T) {
	lines := func(saturated bool, p99 float64) (load, sweep int) {
		var loads []LoadPoint
		var sweeps []SweepPoint
		for _, x := range []float64{1000, 2000} {
			for block := range 3 {
				behind, p99 := saturated && x == 2000 && block > 0, p99
				if x == 1000 || block == 0 {
					p99 = 2e5
				}
				loads = append(loads, LoadPoint{
					Arm: "threadpool", Block: block, Offered: x, Achieved: x, Saturated: behind, P50: 1e5, HasP50: !behind, P99: p99, HasP99: p99 > 0,
				})
				sweeps = append(sweeps, SweepPoint{"threadpool", false, block, x, behind, []float64{p99}})
			}
		}
		y := Range{1e4, 1e6}
		for f, to := range map[*Figure]*int{
			LoadLatency(Figure{Name: "load"}, twoArms, loads, Range{0, 2000}, y):                                          &load,
			Sweep(Figure{Name: "sweep"}, twoArms, "connections", []SweepPanel{{"p99", "p99_ns", Duration, true}}, sweeps): &sweep,
		} {
			svg, err := f.SVG()
			if err != nil {
				t.Fatal(err)
			}
			if *to = bytes.Count(svg, []byte("stroke-dasharray:")); bytes.Contains(f.CSV, []byte("Inf")) {
				t.Errorf("the data of %s:\n%s", f.Name, f.CSV)
			}
		}
		return load, sweep
	}
	for _, c := range []struct {
		name        string
		saturated   bool
		p99         float64
		load, sweep int // lines: the legend's and the panels'
	}{
		{"all known", false, 3e5, 3, 2},
		{"two of three behind, and not known", true, 0, 1, 1},
		{"two of three longer than any", false, math.Inf(1), 2, 1},
	} {
		if load, sweep := lines(c.saturated, c.p99); load != c.load || sweep != c.sweep {
			t.Errorf("%s: %d and %d lines, want %d and %d", c.name, load, sweep, c.load, c.sweep)
		}
	}
}

// TestEqualIsNotResolved: arms that were shown to be equal are drawn as what is known,
// and the legend does not call them different.
func TestEqualIsNotResolved(t *testing.T) {
	for verdict, want := range map[stats.Verdict]string{stats.Resolved: ">resolved<", stats.Equivalent: ">resolved, or shown to be equal<"} {
		e := stats.Effect{Ratio: stats.Of(1.01), Lo: stats.Of(1), Hi: stats.Of(1.02), Verdict: verdict}
		svg, err := Effects(Figure{Name: "effects"}, []string{"p50"}, []EffectRow{{"row", []stats.Effect{e}}}).SVG()
		if err != nil || !bytes.Contains(svg, []byte(want)) {
			t.Errorf("%s: the legend lacks %q (%v)", verdict, want, err)
		}
	}
}

// TestSweepRoom: three panels side by side have room for the labels of decades alone,
// and one that no run has a value for is not there.
func TestSweepRoom(t *testing.T) {
	for _, c := range []struct {
		values []float64
		fine   bool
	}{{[]float64{1e3, 1e6, 1e9}, false}, {[]float64{1e3, 0, 1e9}, true}, {[]float64{0, 0, 0}, true}} {
		var points []SweepPoint
		for _, x := range []float64{1, 1000} {
			points = append(points, SweepPoint{"tpc", false, 0, x, false, c.values})
		}
		f := Sweep(Figure{Name: "sweep"}, twoArms, "connections", []SweepPanel{{"cpu", "cpu_ns", Duration, false}, {"memory", "memory_bytes", Bytes, false}, {"heap", "heap_bytes", Bytes, false}}, points)
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		if fine := bytes.Contains(svg, []byte(">200<")); fine != c.fine || !bytes.Contains(svg, []byte(">100<")) {
			t.Errorf("%v: labels between decades: %v, want %v", c.values, fine, c.fine)
		}
		if there := bytes.Contains(svg, []byte(">memory<")); there != (c.values[1] > 0) {
			t.Errorf("%v: a panel of memory: %v", c.values, there)
		}
	}
}

// TestCapacityKeys: what a paper prints has no caption, so hollow and grey are told.
func TestCapacityKeys(t *testing.T) {
	for _, f := range samples() {
		if f.Name != "capacity" {
			continue
		}
		svg, err := f.SVG()
		for _, want := range []string{"the same arm again", "promise broken", "promised p99"} {
			if err != nil || !bytes.Contains(svg, []byte(">"+want+"<")) {
				t.Errorf("the legend lacks %q (%v)", want, err)
			}
		}
		return
	}
	t.Error("there is no figure of capacities")
}

// TestFormats: every format of every kind is drawn, twice the same, and the data
// beside it is a table.
func TestFormats(t *testing.T) {
	for name, width := range map[string]Width{"text": Text, "column": Column} {
		t.Run(name, func(t *testing.T) { formats(t, width) })
	}
}

func formats(t *testing.T, width Width) {
	again := samples()
	for i, f := range samples() {
		if width != Text {
			f.Fit(width)
			again[i].Fit(width)
		}
		dir := t.TempDir()
		if err := f.SaveAs(dir, Formats); err != nil {
			t.Fatal(err)
		}
		other := t.TempDir()
		if err := again[i].SaveAs(other, Formats); err != nil {
			t.Fatal(err)
		}
		read := func(dir, ext string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, f.Name+ext))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for _, format := range Formats {
			if ext := "." + format; !bytes.Equal(read(dir, ext), read(other, ext)) {
				t.Errorf("%s%s: two drawings differ", f.Name, ext)
			}
		}
		svg := string(read(dir, ".svg"))
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || !strings.Contains(svg, "host class C") || !strings.Contains(strings.ReplaceAll(svg, "\n", " "), "A title of "+f.Name) {
			t.Errorf("%s.svg: not finite, or without its title or footer", f.Name)
		}
		if pdf := read(dir, ".pdf"); !bytes.HasPrefix(pdf, []byte("%PDF")) || bytes.Contains(pdf, []byte("D:202")) {
			t.Errorf("%s.pdf: not a PDF, or dated", f.Name)
		}
		picture, err := png.Decode(bytes.NewReader(read(dir, ".png")))
		if err != nil {
			t.Fatalf("%s.png: %v", f.Name, err)
		}
		if got, want := picture.Bounds().Dx(), vg.Length(width).Dots(150); math.Abs(float64(got)-want) > 1 {
			t.Errorf("%s.png: %d dots wide, want %g", f.Name, got, want)
		}
		eps := string(read(dir, ".eps"))
		if !strings.HasPrefix(eps, "%!PS-Adobe-3.0 EPSF-3.0\n%%Creator: ceteris\n") || strings.Contains(eps, "findfont") || strings.Contains(eps, "%%CreationDate") ||
			!strings.Contains(eps, fmt.Sprintf("%%%%BoundingBox: 0 0 %.0f ", math.Ceil(float64(width)))) || !strings.HasSuffix(eps, "showpage\n") {
			t.Errorf("%s.eps: not encapsulated, dated, or with a font that may be missing:\n%.300s", f.Name, eps)
		}
		if pgf := string(read(dir, ".pgf")); !strings.HasSuffix(pgf, "\\end{pgfpicture}\n") || strings.Contains(pgf, "\\pgflineto") || strings.ContainsFunc(pgf, beyondASCII) {
			t.Errorf("%s.pgf: not a picture, or text that LaTeX does not take", f.Name)
		}
		if rows, err := csv.NewReader(bytes.NewReader(f.CSV)).ReadAll(); err != nil || len(rows) < 2 {
			t.Errorf("%s.csv: %d rows, %v", f.Name, len(rows), err)
		}
	}
}

func beyondASCII(r rune) bool { return r > 126 }

// TestColumn: panels that share labels have their own when they are stacked, and
// each is as high as it was.
func TestColumn(t *testing.T) {
	for _, f := range samples() {
		labels := func() map[string]int {
			svg, err := f.SVG()
			if err != nil {
				t.Fatal(err)
			}
			n := map[string]int{}
			for _, l := range []string{">first<", ">tpc shard-0<", ">requests in 5 ms<"} {
				n[l] = strings.Count(string(svg), l)
			}
			return n
		}
		before, inner := labels(), f.height-f.margins()
		f.Fit(Column)
		if got, want := f.height-f.margins(), inner*vg.Length(len(f.panels)); math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("%s: panels %v high, want %v", f.Name, got, want)
		}
		for l, n := range labels() {
			if n != before[l]*len(f.panels) {
				t.Errorf("%s: %d times %q in %d panels", f.Name, n, l, len(f.panels))
			}
		}
	}
}

// TestTypeset: what LaTeX would take for a command or refuse is escaped.
func TestTypeset(t *testing.T) {
	for text, want := range map[string]string{
		"50 % of a_b & {c}#$~^": `50 \% of a\_b \& \{c\}\#\$\textasciitilde{}\textasciicircum{}`,
		`\x <1 µs – 2×3 · ±4>`:  `\textbackslash{}x \textless{}1 \ensuremath{\mu}s -- 2\ensuremath{\times}3 \ensuremath{\cdot} \ensuremath{\pm}4\textgreater{}`,
	} {
		if got := latex.Replace(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestOutlinedColours: EPS knows no transparency, so that a colour is drawn as it
// looks on white and what is clear is not drawn.
func TestOutlinedColours(t *testing.T) {
	c := vgeps.New(100, 100)
	o := &outlined{Canvas: c, clear: []bool{false}}
	square := vg.Rectangle{Max: vg.Point{X: 1, Y: 1}}.Path()
	fill := func(with color.Color) {
		o.Push()
		o.SetColor(with)
		o.Fill(square)
		o.Pop()
	}
	fill(color.NRGBA{255, 0, 0, 128})
	fill(color.Transparent)
	fill(color.Black)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if eps := b.String(); strings.Count(eps, "fill\n") != 2 || !strings.Contains(eps, "1 0.498") {
		t.Errorf("want half red on white and black, nothing else:\n%s", eps)
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
	for _, a := range arms {
		if s := p.style(a.Name, false); fmt.Sprintf("%T", s.Hollow) == fmt.Sprintf("%T", s.Glyph) {
			t.Errorf("%s: a marker that does not count is %T, as one that does", a.Name, s.Hollow)
		}
	}
	many := []Arm{{"0", "tpc"}}
	for i := range 12 {
		many = append(many, Arm{fmt.Sprint(i + 1), "tpc"})
	}
	p2 := NewPalette(many)
	lines, markers := map[string]bool{}, map[string]bool{}
	for _, a := range many {
		s := p2.style(a.Name, false)
		lines[fmt.Sprint(s.Color, s.Dashes)], markers[fmt.Sprintf("%v %T", s.Color, s.Glyph)] = true, true
	}
	if len(lines) != len(many) || len(markers) != len(many) {
		t.Errorf("%d arms have %d kinds of lines and %d of markers", len(many), len(lines), len(markers))
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
		if a.Max >= 1.5 && a.Max < 1.75 && !labels["1.5"] {
			t.Errorf("up to %v: nothing is labelled beyond 1.25", widest)
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
