package workloads

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// isMapping reports whether n is one, of any number of keys.
func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// alternative reads a mapping of one of the keys that the table has there: which
// one, and the mapping. "" after an error.
func (d *document) alternative(n ast.Node, key string) (string, *fields) {
	f := d.mapping(n, key)
	words := keyAt(key).words()
	found := ""
	for _, w := range words {
		if f.has(w) && found == "" {
			found = w
		} else if f.has(w) {
			d.fail(f.vals[w], f.path+w, "one of "+strings.Join(words, ", "), "another beside "+found)
		}
	}
	if found == "" {
		d.fail(n, key, "one of "+strings.Join(words, ", "), "none of them")
	}
	return found, f
}

// arrivals reads a law by its name, or one that has parameters.
func (f *fields) arrivals(key string) (string, Shape) {
	k := f.at(key)
	n := f.get(key, "a law")
	if n == nil {
		return k.Default, Shape{}
	}
	path := f.path + key
	if !isMapping(n) {
		return f.wordOf(n, path, k.Words...), Shape{}
	}
	law, m := f.alternative(n, path)
	if law == "" {
		return k.Default, Shape{}
	}
	var s Shape
	if law == Trace {
		return law, Shape{Trace: &TraceShape{File: m.text(law)}}
	}
	m = m.within(law)
	switch law {
	case Bursts:
		s.Bursts = &BurstShape{On: m.duration("on"), Off: m.duration("off"), Gaps: m.choice("gaps")}
	case MMPP:
		s.MMPP = &MMPPShape{High: m.duration("high"), Low: m.duration("low"), Ratio: m.number("ratio")}
	case Ramp:
		s.Ramp = &RampShape{From: m.number("from"), To: m.number("to"), Over: m.duration("over"), Gaps: m.choice("gaps")}
	case Sine:
		s.Sine = &SineShape{Amplitude: m.number("amplitude"), Period: m.duration("period"), Gaps: m.choice("gaps")}
	case Phases:
		s.Phases = m.phases()
	case Gamma:
		s.Gamma = &GapShape{Shape: m.number("shape")}
	case Weibull:
		s.Weibull = &GapShape{Shape: m.number("shape")}
	}
	return law, s
}

// phases reads one rate after the other.
func (f *fields) phases() *PhaseShape {
	p := &PhaseShape{Gaps: f.choice("gaps")}
	list := f.list("steps", "phases")
	if len(list) > maxSteps {
		f.fail(f.vals["steps"], f.path+"steps", fmt.Sprintf("at most %d phases", maxSteps), fmt.Sprint(len(list)))
		return p
	}
	for i, n := range list {
		m := f.mapping(n, fmt.Sprintf("%ssteps[%d]", f.path, i))
		p.Steps = append(p.Steps, Phase{For: m.duration("for"), Rate: m.number("rate")})
	}
	return p
}

// begin lets phases count from the end of a lead.
func (s *Shape) begin(lead time.Duration) {
	if s.Phases != nil {
		s.Phases.Lead = lead
	}
}

// law reads how one of several is chosen.
func (f *fields) law(key string) Law {
	k := f.at(key)
	n := f.get(key, "a law")
	if n == nil {
		return Law{Kind: k.Default}
	}
	path := f.path + key
	if s, ok := n.(*ast.StringNode); ok && slices.Contains(k.Words, s.Value) {
		return Law{Kind: s.Value}
	}
	if !isMapping(n) {
		f.fail(n, path, "none, round-robin, uniform or a mapping such as {zipf: 1.1}", describe(n))
		return Law{Kind: k.Default}
	}
	switch kind, m := f.alternative(n, path); kind {
	case Zipf:
		return Law{Kind: Zipf, Zipf: m.number(kind)}
	case Hotspot:
		m = m.within(kind)
		return Law{Kind: Hotspot, Hot: m.number("of"), HotLoad: m.number("load")}
	}
	return Law{Kind: k.Default}
}

// size reads one size or the law of several.
func (d *document) size(n ast.Node, key string) SizeLaw {
	if !isMapping(n) {
		v := int(d.bytesOf(n, key, 0))
		return SizeLaw{MedianBytes: v, MaxBytes: v}
	}
	kind, m := d.alternative(n, key)
	if kind == "values" {
		return d.sizes(m, kind)
	}
	if kind == "" {
		return SizeLaw{}
	}
	m = m.within(kind)
	switch kind {
	case "uniform":
		low := m.bytes("min", 0)
		high := m.bytes("max", low)
		return SizeLaw{MedianBytes: int(low+high) / 2, MinBytes: int(low), MaxBytes: int(high)}
	case "bimodal":
		small := m.bytes("small", 0)
		large, share := m.bytes("large", small), m.number("large_share")
		law := SizeLaw{MedianBytes: int(small), MaxBytes: int(large), Values: &SizeValues{[]int{int(small), int(large)}, share}}
		if share > 0.5 {
			law.MedianBytes = int(large)
		}
		return law
	}
	median := m.bytes("median", 0)
	return SizeLaw{MedianBytes: int(median), Sigma: m.number("sigma"), MaxBytes: int(m.bytes("max", median))}
}

// sizes reads a list of sizes of which each is as likely as the others.
func (d *document) sizes(f *fields, key string) SizeLaw {
	list := f.listIf(key, "sizes", true)
	if len(list) > maxSizes {
		d.fail(f.vals[key], f.path+key, fmt.Sprintf("at most %d sizes", maxSizes), fmt.Sprint(len(list)))
		return SizeLaw{}
	}
	var bytes []int
	for i, n := range list {
		bytes = append(bytes, int(d.bytesOf(n, fmt.Sprintf("%s%s[%d]", f.path, key, i), 0)))
	}
	if len(bytes) == 0 {
		return SizeLaw{}
	}
	ordered := slices.Sorted(slices.Values(bytes))
	return SizeLaw{MedianBytes: ordered[len(ordered)/2], MaxBytes: ordered[len(ordered)-1], Values: &SizeValues{Bytes: bytes}}
}
