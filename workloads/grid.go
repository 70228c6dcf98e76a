package workloads

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ceteris/ceteris/models"
)

// FactorGrid is a family of arms: one model at every combination of some factors'
// values. Where each factor has two, it is a 2^k design, whose effects and
// interactions the report estimates.
type FactorGrid struct {
	Name    string // the arms' names begin with it
	Factors []GridFactor
	Arms    []string // the last factor's values change fastest
}

// GridFactor is one of them.
type GridFactor struct {
	Name   string
	Values []string
}

const maxFactors = 5 // 32 arms of two values each

func gridKeys() []Key {
	return []Key{
		{
			Path: "models.*.grid", Kind: Mapping, Count: List, See: []string{setPath},
			Doc: "Factors whose values are all combined, each combination an arm of its own; at most 5. Default: none, one arm.",
		},
		{Path: "models.*.grid.*.factor", Kind: Name, Needed: true, Doc: "A factor or setting, as set takes it."},
		{
			Path: "models.*.grid.*.values", Kind: Setting, Count: List, Needed: true,
			Doc: "Its values, two or more and no two alike; with two for every factor the report estimates effects and interactions, from the first value to the second.",
		},
	}
}

// grid is the arm, or the arms that its grid makes of it.
func (f *fields) grid(m *fields, key string, a Arm) ([]Arm, *FactorGrid) {
	list := m.list("grid", "factors and values")
	if len(list) == 0 || f.err != nil {
		return []Arm{a}, nil
	}
	if len(list) > maxFactors {
		f.fail(m.vals["grid"], key+".grid", fmt.Sprintf("at most %d factors", maxFactors), fmt.Sprint(len(list)))
		return nil, nil
	}
	g := &FactorGrid{Name: a.Name}
	arms := []Arm{a}
	for i, n := range list {
		factor := f.gridFactor(n, fmt.Sprintf("%s.grid[%d]", key, i), a, g)
		g.Factors = append(g.Factors, factor)
		var next []Arm
		for _, arm := range arms {
			for _, v := range factor.Values {
				set := maps.Clone(arm.Set)
				set[factor.Name] = v
				next = append(next, Arm{Name: arm.Name + "-" + inName(v), Model: a.Model, Set: set, Line: a.Line})
			}
		}
		arms = next
		if len(arms) > maxArms {
			f.fail(n, key+".grid", fmt.Sprintf("at most %d combinations", maxArms), fmt.Sprint(len(arms)))
			return nil, nil
		}
	}
	for _, arm := range arms {
		if len(arm.Name) > 64 {
			f.fail(list[0], key+".grid", "combinations whose names have at most 64 characters", fmt.Sprintf("%q", arm.Name))
		}
		g.Arms = append(g.Arms, arm.Name)
	}
	return arms, g
}

func (f *fields) gridFactor(n ast.Node, key string, a Arm, g *FactorGrid) GridFactor {
	m := f.mapping(n, key)
	out := GridFactor{}
	if n := m.get("factor", "the name of a factor or setting"); n != nil {
		out.Name = f.identifier(n, key+".factor")
		f.notOfArms(n, key+".factor", out.Name)
	}
	_, set := a.Set[out.Name]
	if set || slices.ContainsFunc(g.Factors, func(other GridFactor) bool { return other.Name == out.Name }) {
		f.fail(n, key+".factor", "a factor that is not set before", fmt.Sprintf("%q again", out.Name))
	}
	var scratch models.Config
	for i, n := range m.list("values", "values of the factor") {
		at := fmt.Sprintf("%s.values[%d]", key, i)
		switch n.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		default:
			f.fail(n, at, "the value of a factor or setting", describe(n))
			continue
		}
		v := n.GetToken().Value
		if err := scratch.Set(out.Name, v); err != nil {
			f.fail(n, at, "a factor or setting and a value it takes", err.Error())
		}
		if slices.Contains(out.Values, v) {
			f.fail(n, at, "a value that is not listed before", describe(n))
		}
		out.Values = append(out.Values, v)
	}
	if len(out.Values) == 1 {
		f.fail(n, key+".values", "two values or more", "one")
	}
	return out
}

// inName writes a value as a part of a name.
func inName(v string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' {
			return r
		}
		return '_'
	}, v)
}
