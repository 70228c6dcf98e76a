package workloads

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Claim is what the experiment's author expects, written down before anything is
// measured: of an arm over the baseline, wherever the fields that are set match.
// It is shown when it holds at each of those places.
type Claim struct {
	Text string
	// Arm against the baseline, in this quantity of [Endpoints]' words.
	Arm, Endpoint string
	Says          string // Lower | Higher | Equal
	// Workload, Durability and PerSecond restrict where; "" and 0 are everywhere.
	Workload, Durability string
	PerSecond            float64
}

// What a claim says of the ratio arm over baseline: equal is within the rope.
const (
	Lower  = "lower"
	Higher = "higher"
	Equal  = "equal"
)

// maxClaims bounds the claims of one file.
const maxClaims = 64

func claimKeys() []Key {
	one := func(k Key) Key { k.Path = "claims.*." + k.Path; return k }
	return []Key{
		{
			Path: "claims", Kind: Mapping, Count: List, See: []string{"endpoints.baseline"},
			Doc: "What is expected of arms against endpoints.baseline, at most 64 claims; the report says which hold, corrected for their number. Default: none.",
		},
		one(Key{Path: "text", Kind: Text, Needed: true, Doc: "The claim in words, for the report."}),
		one(Key{Path: "arm", Kind: Name, Needed: true, See: []string{"models"}, Doc: "The arm that it is about, against the baseline."}),
		one(Key{Path: "endpoint", Kind: Word, Words: primaries, Default: primaries[0], Doc: "The quantity that is compared."}),
		one(Key{
			Path: "says", Kind: Word, Words: []string{Lower, Higher, Equal}, Needed: true, See: []string{"endpoints.rope"},
			Doc: "What the ratio of the arm to the baseline is: below 1, above 1, or within the smallest difference that matters.",
		}),
		one(Key{Path: "workload", Kind: Name, See: []string{"workloads"}, Doc: "The workload, or the name of a family of them, where it holds. Default: all of them."}),
		one(Key{Path: "durability", Kind: Word, Words: durabilities, Doc: "The durability at which it holds. Default: all of them."}),
		one(Key{
			Path: "per_second", Kind: Number, Min: minPerSec, Max: MaxPerSec, Unit: "produce requests per second",
			Doc: "The load at which it holds. Default: every load.",
		}),
	}
}

// claims reads them; a name that nothing has would make a claim that is never tested.
func (f *fields) claims(e *Experiment) []Claim {
	var out []Claim
	list := f.list("claims", "claims")
	if len(list) > 0 && e.Endpoints.Baseline == "" {
		f.fail(f.vals["claims"], "claims", "endpoints.baseline, the arm that claims are against", "none")
	}
	if len(list) > maxClaims {
		f.fail(f.vals["claims"], "claims", fmt.Sprintf("at most %d claims", maxClaims), fmt.Sprint(len(list)))
		return nil
	}
	for i, n := range list {
		out = append(out, f.claim(n, fmt.Sprintf("claims[%d]", i), e))
	}
	return out
}

func (f *fields) claim(n ast.Node, key string, e *Experiment) Claim {
	m := f.mapping(n, key)
	c := Claim{
		Text: m.text("text"), Arm: m.choice("arm", names(e.Models)...), Endpoint: m.choice("endpoint"), Says: m.choice("says"),
		Durability: m.choice("durability"),
	}
	if c.Arm != "" && c.Arm == e.Endpoints.Baseline {
		f.fail(n, key+".arm", "an arm other than the baseline", fmt.Sprintf("%q", c.Arm))
	}
	if m.has("per_second") {
		c.PerSecond = m.number("per_second")
	}
	var all []string
	for _, w := range e.Workloads {
		for _, name := range []string{w.Name, w.Family} {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	c.Workload = m.choice("workload", all...)
	if f.err == nil && !slices.ContainsFunc(e.Cells(), func(s CellSpec) bool {
		return s.Arm.Name == c.Arm && c.At(s.Workload, string(s.Durability), s.LoadPerSec)
	}) {
		f.fail(n, key, "a claim about a cell that is planned", "one about none")
	}
	return c
}

// At reports whether the claim is about this workload, durability and load.
func (c *Claim) At(w *Workload, durability string, perSecond float64) bool {
	return (c.Workload == "" || c.Workload == w.Name || c.Workload == w.Family) &&
		(c.Durability == "" || c.Durability == durability) && (c.PerSecond == 0 || c.PerSecond == perSecond)
}
