package workloads

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// document reads a YAML tree by hand rather than into structs, so that every
// error can say where it is and what would have been accepted. The first error
// in reading order sticks; readers go on with zero values.
type document struct {
	file string
	err  error
}

// fail records `file:line:col: key: expected …, got …`.
func (d *document) fail(n ast.Node, key, expected, got string) {
	if d.err != nil {
		return
	}
	line, col := position(n)
	d.err = fmt.Errorf("%s:%d:%d: %s: expected %s, got %s", d.file, line, col, key, expected, got)
}

// root parses the text; nil after an error.
func (d *document) root(data []byte) ast.Node {
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			p := at.GetToken().Position
			d.err = fmt.Errorf("%s:%d:%d: not YAML: %s", d.file, p.Line, p.Column, at.GetMessage())
		} else {
			d.err = fmt.Errorf("%s:1:1: not YAML: %w", d.file, err)
		}
		return nil
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		d.err = fmt.Errorf("%s:1:1: experiment: expected one YAML document with a mapping, got %d", d.file, len(f.Docs))
		return nil
	}
	return f.Docs[0].Body
}

// fields is a mapping whose keys have been checked.
type fields struct {
	*document
	node ast.Node
	path string // with a trailing dot, empty at the top
	vals map[string]ast.Node
}

// mapping checks that n is a mapping of the keys that the table has there.
func (d *document) mapping(n ast.Node, key string) *fields {
	f := &fields{document: d, node: n, vals: map[string]ast.Node{}}
	known := keyAt(key).words()
	if key != "" {
		f.path = key + "."
	}
	for _, kv := range d.pairs(n, key, known...) {
		f.vals[kv.key] = kv.value
	}
	return f
}

type pair struct {
	key   string
	at    ast.Node
	value ast.Node
}

// pairs lists a mapping in its order; any key is known if none is named.
func (d *document) pairs(n ast.Node, key string, known ...string) []pair {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		d.fail(n, name(key), "a mapping", describe(n))
		return nil
	}
	var out []pair
	for _, v := range values {
		k := v.Key.GetToken().Value
		if len(known) > 0 && !slices.Contains(known, k) {
			full := k
			if key != "" {
				full = key + "." + k
			}
			d.fail(v.Key, full, "one of the keys "+strings.Join(known, ", "), "an unknown key")
			continue
		}
		out = append(out, pair{k, v.Key, v.Value})
	}
	return out
}

// name is what an error calls the node with a path.
func name(path string) string {
	if path == "" {
		return "experiment"
	}
	return path
}

// get returns a key's value; a missing one that is needed is an error at the
// mapping's start.
func (f *fields) get(key, expected string) ast.Node { return f.getIf(key, expected, f.at(key).Needed) }

func (f *fields) getIf(key, expected string, needed bool) ast.Node {
	n := f.vals[key]
	if n == nil && needed {
		f.fail(f.node, f.path+key, expected, "nothing: the key is missing")
	}
	return n
}

// has reports whether the key is there.
func (f *fields) has(key string) bool { return f.vals[key] != nil }

// at is what the table says of a key of the mapping.
func (f *fields) at(key string) *Key { return keyAt(f.path + key) }

// text reads a string that must not be empty.
func (f *fields) text(key string) string {
	n := f.get(key, "text")
	if n == nil {
		return f.at(key).Default
	}
	return f.textOf(n, f.path+key)
}

func (d *document) textOf(n ast.Node, key string) string {
	s := ""
	switch n := n.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	default:
		d.fail(n, key, "text", describe(n))
		return ""
	}
	if strings.TrimSpace(s) == "" {
		d.fail(n, key, "text", "an empty string")
	}
	return s
}

// identifier reads a name that can be part of a path, like [namePattern].
func (d *document) identifier(n ast.Node, key string) string {
	s := d.textOf(n, key)
	ok := len(s) > 0 && len(s) <= 64
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("-_.", c)) {
			ok = false
		}
	}
	if !ok {
		d.fail(n, key, "a name of at most 64 letters, digits, - _ or . that starts with a letter or digit", strconv.Quote(s))
	}
	return s
}

// choice reads one of a few words: those of the table, or names that the file
// itself defines.
func (f *fields) choice(key string, words ...string) string {
	k := f.at(key)
	words = slices.Concat(k.Words, words)
	n := f.get(key, "one of "+strings.Join(words, ", "))
	if n == nil {
		return k.Default
	}
	return f.wordOf(n, f.path+key, words...)
}

func (d *document) wordOf(n ast.Node, key string, words ...string) string {
	s, ok := n.(*ast.StringNode)
	if !ok || !slices.Contains(words, s.Value) {
		d.fail(n, key, "one of "+strings.Join(words, ", "), describe(n))
		return ""
	}
	return s.Value
}

// integer reads a whole number within bounds.
func (f *fields) integer(key string) int64 {
	k := f.at(key)
	low, high, def := int64(k.Min), int64(k.Max), int64(k.number())
	expected := fmt.Sprintf("an integer between %d and %d", low, high)
	n := f.get(key, expected)
	if n == nil {
		return def
	}
	if i, ok := n.(*ast.IntegerNode); ok {
		switch v := i.Value.(type) {
		case int64:
			if v >= low && v <= high {
				return v
			}
		case uint64:
			if v <= math.MaxInt64 && int64(v) >= low && int64(v) <= high {
				return int64(v)
			}
		}
	}
	f.fail(n, f.path+key, expected, describe(n))
	return def
}

// number reads a real number within bounds.
func (f *fields) number(key string) float64 {
	k := f.at(key)
	n := f.get(key, fmt.Sprintf("a number between %g and %g", k.Min, k.Max))
	if n == nil {
		return k.number()
	}
	return f.numberOf(n, f.path+key)
}

// exponential is a number of YAML's core schema with an exponent.
var exponential = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$`)

func (d *document) numberOf(n ast.Node, key string) float64 {
	k := keyAt(key)
	low, high := k.Min, k.Max
	v := math.NaN()
	switch x := n.(type) {
	case *ast.FloatNode:
		v = x.Value
	case *ast.IntegerNode:
		switch i := x.Value.(type) {
		case int64:
			v = float64(i)
		case uint64:
			v = float64(i)
		}
	case *ast.StringNode:
		// The YAML library takes an exponent without a decimal point for text.
		if x.GetToken().Type == token.StringType && exponential.MatchString(x.Value) {
			v, _ = strconv.ParseFloat(x.Value, 64)
		}
	}
	if !(v >= low && v <= high) {
		d.fail(n, key, fmt.Sprintf("a number between %g and %g", low, high), describe(n))
		return low
	}
	return v
}

// duration reads a span such as 2s or 500ms.
func (f *fields) duration(key string) time.Duration {
	k := f.at(key)
	low, high := time.Duration(k.Min), time.Duration(k.Max)
	n := f.get(key, "a duration such as 2s")
	if n == nil {
		return time.Duration(k.number())
	}
	if s, ok := n.(*ast.StringNode); ok {
		if v, err := time.ParseDuration(s.Value); err == nil && v >= low && v <= high {
			return v
		}
	}
	f.fail(n, f.path+key, fmt.Sprintf("a duration such as 2s between %v and %v", low, high), describe(n))
	return low
}

// list reads a sequence that must not be empty.
func (f *fields) list(key, of string) []ast.Node { return f.listIf(key, of, f.at(key).Needed) }

func (f *fields) listIf(key, of string, needed bool) []ast.Node {
	n := f.getIf(key, "a list of "+of, needed)
	if n == nil {
		return nil
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		f.fail(n, f.path+key, "a list of "+of, describe(n))
		return nil
	}
	if len(s.Values) == 0 {
		f.fail(n, f.path+key, "a list of "+of, "an empty list")
	}
	return s.Values
}

// position is where a node starts.
func position(n ast.Node) (line, col int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			return position(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(m.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 1, 1
}

// describe says what a node is, for the end of an error.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return strconv.Quote(n.Value)
	case *ast.LiteralNode:
		return strconv.Quote(n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value
	case *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	}
	return "YAML of kind " + n.Type().String()
}
