package report

import (
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

func TestParseBound(t *testing.T) {
	good := []struct {
		text string
		want Bound
	}{
		{"tpc/threadpool p99 response produce <= 1.10", Bound{A: "tpc", B: "threadpool", Quantity: "p99_response", Most: true, Ratio: 1.1}},
		{"  a/b-2  cpu_per_message>=0.5 at 1k", Bound{A: "a", B: "b-2", Quantity: "cpu_per_message", Ratio: 0.5, Workload: "1k"}},
		{
			"a/b achieved_per_sec >= 1 at 1k power closed",
			Bound{A: "a", B: "b", Quantity: "achieved_per_sec", Ratio: 1, Workload: "1k", Durability: "power", Load: "closed"},
		},
	}
	for _, c := range good {
		got, err := ParseBound(c.text)
		got.text = ""
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v; want %+v", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"":                                  "want ARM/ARM",
		"tpc p99_response <= 1":             "want ARM/ARM",
		"a/b p99_response < 1":              "want ARM/ARM",
		"a/b p98_response <= 1":             `no quantity "p98_response"; there are p50_response`,
		"a/b p99_response <= -1":            "not a positive number",
		"a/b p99_response <= NaN":           "not a positive number",
		"a/b p99_response <= ten":           `"ten" is not a positive number`,
		"a/b p99_response <= 1 at a b c d":  "not 4 words",
		"a/b p99_response <= 1 somewhere x": "want ARM/ARM",
	} {
		if _, err := ParseBound(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that says %q", text, err, want)
		}
	}
}

// TestRule: every side of the limit, the interval and the floor.
func TestRule(t *testing.T) {
	effect := func(lo, ratio, hi, floor float64) stats.Effect {
		return stats.Effect{Blocks: 6, Level: 0.96875, Ratio: stats.Of(ratio), Lo: stats.Of(lo), Hi: stats.Of(hi), Floor: stats.Of(floor)}
	}
	unfloored := func(e stats.Effect) stats.Effect { e.Floor = stats.Refuse("none"); return e }
	few := effect(2, 2.1, 2.2, 1.01)
	few.Level, few.Blocks = 0.75, 3
	cases := []struct {
		name  string
		e     stats.Effect
		most  bool
		limit float64
		want  Ruling
	}{
		{"within", effect(0.9, 1, 1.05, 1.2), true, 1.1, Kept},
		{"the interval holds the limit", effect(1.0, 1.09, 1.2, 1.01), true, 1.1, Undecided},
		{"an estimate beyond, an interval that is not", effect(1.05, 1.15, 1.3, 1.01), true, 1.1, Undecided},
		{"beyond", effect(1.2, 1.3, 1.4, 1.05), true, 1.1, Broken},
		{"beyond by less than the floor", effect(1.15, 1.2, 1.25, 1.2), true, 1.1, Undecided},
		{"beyond, without a floor", unfloored(effect(1.2, 1.3, 1.4, 1)), true, 1.1, Undecided},
		{"no interval of the level", few, true, 1.1, Undecided},
		{"a difference asked for and shown", effect(0.6, 0.7, 0.8, 1.1), true, 0.9, Kept},
		{"a difference asked for, inside the floor", effect(0.85, 0.87, 0.89, 1.2), true, 0.9, Undecided},
		{"a difference asked for, without a floor", unfloored(effect(0.6, 0.7, 0.8, 1)), true, 0.9, Undecided},
		{"a difference asked for, and there is none", effect(0.98, 1, 1.02, 1.05), true, 0.9, Broken},
		{"at least: within", effect(0.96, 1, 1.1, 1.2), false, 0.95, Kept},
		{"at least: beyond", effect(0.6, 0.7, 0.8, 1.05), false, 0.95, Broken},
		{"at least: beyond by less than the floor", effect(0.85, 0.9, 0.92, 1.2), false, 0.95, Undecided},
		{"at least: a difference shown", effect(1.3, 1.4, 1.5, 1.1), false, 1.2, Kept},
		{"refused", stats.Effect{Ratio: stats.Refuse("saturated"), Words: "saturated"}, true, 1, Undecided},
	}
	for _, c := range cases {
		b := Bound{Most: c.most, Ratio: c.limit}
		if got, why := b.rule(c.e); got != c.want {
			t.Errorf("%s: %v (%s), want %v", c.name, got, why, c.want)
		}
	}
}

// TestJudge: a world whose difference is known, and one that is noise alone.
func TestJudge(t *testing.T) {
	judge := func(dir string, texts ...string) (Ruling, string) {
		t.Helper()
		var bounds []Bound
		for _, text := range texts {
			b, err := ParseBound(text)
			if err != nil {
				t.Fatal(err)
			}
			bounds = append(bounds, b)
		}
		ruling, text, err := Judge(dir, bounds)
		if err != nil {
			t.Fatal(err)
		}
		return ruling, text
	}
	known := even(6).make(t) // tpc takes 0.7 of threadpool's time
	for _, c := range []struct {
		limits []string
		want   Ruling
		says   string
	}{
		{[]string{"tpc/threadpool p50_response <= 0.85"}, Kept, "kept        1k power 20000: 0."},
		{[]string{"tpc/threadpool p50_response <= 0.5 at 1k process 2000"}, Broken, "broken      1k process 2000: 0."},
		{[]string{"threadpool/tpc p50_response <= 1.2"}, Broken, "broken"},
		{[]string{"threadpool/tpc p50_response >= 1.2", "tpc/threadpool cpu per message <= 0.6"}, Kept, "kept"},
		{[]string{"tpc/threadpool p50_response <= 0.85", "tpc/threadpool p50_response <= 0.5"}, Broken, "kept        1k"},
		{[]string{"tpc/threadpool p50_response <= 0.7 at 1k"}, Undecided, "the interval holds the limit"},
	} {
		got, text := judge(known, c.limits...)
		if got != c.want || !strings.Contains(text, c.says) || !strings.HasSuffix(text, "\n"+c.want.String()) {
			t.Errorf("%q: %v, want %v saying %q:\n%s", c.limits, got, c.want, c.says, text)
		}
	}
	w := small(6)
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Replicate || p.Model == "tpc" {
			return 150e3 // one arm differs from itself by half
		}
		return 100e3
	}
	if got, text := judge(w.make(t), "tpc/threadpool p50_response <= 1.1"); got != Undecided {
		t.Errorf("noise inside the floor: %v, want not decided:\n%s", got, text)
	}
	for text, want := range map[string]string{
		"tpc/kafka p50_response <= 1":           `no arm "kafka"`,
		"tpc/threadpool p50_response <= 1 at w": "no such place",
		"tpc/threadpool time_to_recover <= 1":   "no such place", // no overload anywhere
	} {
		b, err := ParseBound(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Judge(known, []Bound{b}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that says %q", text, err, want)
		}
	}
}
