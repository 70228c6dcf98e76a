package workloads

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ceteris/ceteris/models"
)

// Kind is what one value of a key is.
type Kind string

// The kinds. A key that has keys under it takes a mapping of them, besides
// whatever its kind says.
const (
	Mapping  Kind = "mapping"
	Name     Kind = "name"     // at most 64 letters, digits, - _ or .
	Text     Kind = "text"     // not empty
	Word     Kind = "word"     // one of Words
	Integer  Kind = "integer"  // between Min and Max
	Number   Kind = "number"   // between Min and Max
	Switch   Kind = "switch"   // true or false
	Size     Kind = "size"     // 1KiB, between Min and Max bytes
	Duration Kind = "duration" // 500ms, between Min and Max ns
	CPUs     Kind = "CPUs"     // 0-1,4
	Setting  Kind = "setting"  // text, a number or a truth, as a factor takes it
)

// Count is how many values of its kind a key takes.
type Count int

// The counts.
const (
	One       Count = iota
	OneOrList       // one, or a list of different ones
	List            // a list, which is never empty
)

// Key documents one key of an experiment file. The parser takes its names,
// defaults and bounds from here, as do the JSON Schema and ceteris explain.
type Key struct {
	// Path names the key from the top, * standing for each item of a list. Last is
	// its last part, which holds dots where it is one of Kafka's settings.
	Path, Last string

	Kind  Kind
	Count Count
	// Words are what a Word can be, and what any other kind takes besides.
	Words    []string
	Min, Max float64
	Unit     string // of an Integer or a Number
	// Needed: a file without it is refused. Default is what absence means, as it
	// would stand in the file, or a list's one item; "" where Doc says it.
	Needed  bool
	Default string
	// OneOf: a mapping of the keys under it holds exactly one of them.
	OneOf bool
	// With, such as kind=absolute, is the value of a neighbour that this key is
	// needed with, and refused without.
	With string
	Doc  string
	// See names the keys that decide with this one what is accepted or meant.
	See []string
	// Presets are a factor's values where nothing sets it, by model.
	Presets [][2]string
}

// Keys lists every key in the order of the documentation: a key before those
// under it.
var Keys = sync.OnceValue(func() []Key {
	var all []Key
	for _, k := range table() {
		k.Last = k.Path[strings.LastIndexByte(k.Path, '.')+1:]
		all = append(all, k)
		if k.Path == setPath {
			all = append(all, brokerKeys()...)
		}
	}
	return all
})

// Item is where the keys under k start: those of each item, where k is a list.
func (k *Key) Item() string {
	if k.Count == List {
		return k.Path + ".*."
	}
	return k.Path + "."
}

// Children lists the keys directly under k; those of the top for nil.
func (k *Key) Children() []*Key {
	prefix := ""
	if k != nil {
		prefix = k.Item()
	}
	var out []*Key
	all := Keys()
	for i := range all {
		if all[i].Path == prefix+all[i].Last {
			out = append(out, &all[i])
		}
	}
	return out
}

// byPath finds keys by their path.
var byPath = sync.OnceValue(func() map[string]*Key {
	m := map[string]*Key{}
	all := Keys()
	for i := range all {
		m[all[i].Path] = &all[i]
	}
	return m
})

// keyAt is the key that a place in a file has, such as workloads[0].size; nil
// for the top. To read a key that the table does not hold is a bug and panics.
func keyAt(place string) *Key {
	path := pattern(place)
	if path == "" {
		return nil
	}
	if k := byPath()[strings.TrimSuffix(path, ".*")]; k != nil {
		return k
	}
	panic("workloads: the table has no key " + path)
}

// pattern turns a place in a file into a key's path: [3] becomes .*
func pattern(place string) string {
	for {
		open := strings.IndexByte(place, '[')
		end := strings.IndexByte(place, ']')
		if open < 0 || end < open {
			return place
		}
		place = place[:open] + ".*" + place[end+1:]
	}
}

// words are the names of the keys under k.
func (k *Key) words() []string {
	var out []string
	for _, c := range k.Children() {
		out = append(out, c.Last)
	}
	return out
}

// number is a default as a number: of bytes for a size, of ns for a duration.
func (k *Key) number() float64 {
	var v float64
	var err error
	switch {
	case k.Default == "":
		return 0
	case k.Kind == Size:
		var n int64
		n, err = ParseBytes(k.Default)
		v = float64(n)
	case k.Kind == Duration:
		var d time.Duration
		d, err = time.ParseDuration(k.Default)
		v = float64(d)
	default:
		v, err = strconv.ParseFloat(k.Default, 64)
	}
	if err != nil {
		panic(fmt.Sprintf("workloads: key %s: default %q: %v", k.Path, k.Default, err))
	}
	return v
}

// setPath is the key under which arms take the factors and settings of brokers.
const setPath = "models.*.set"

// brokerKeys documents the factors and settings of brokers, from what models
// says of them.
func brokerKeys() []Key {
	var out []Key
	presets := [][2]string{{"tpc", ""}, {"threadpool", ""}}
	tpc, pool := models.PresetTPC().Map(), models.PresetThreadPool().Map()
	for _, f := range models.FactorTable() {
		if f.Name == ofWorkloads {
			continue
		}
		k := Key{Path: setPath + "." + f.Name, Last: f.Name, Kind: Word, Words: f.Words, Doc: sentence(f.Doc)}
		switch {
		case f.Spans:
			k.Kind, k.Max = Duration, math.MaxInt64
		case f.Max > 0:
			k.Kind, k.Min, k.Max, k.Unit = Integer, 1, float64(f.Max), "requests"
		}
		presets[0][1], presets[1][1] = tpc[f.Name], pool[f.Name]
		k.Presets = append(k.Presets, presets...)
		out = append(out, k)
	}
	for i := range models.Settings {
		s := &models.Settings[i]
		k := Key{
			Path: setPath + "." + s.Name, Last: s.Name, Kind: Integer, Unit: s.Unit(),
			Min: float64(s.Min), Max: float64(s.Max), Default: strconv.FormatInt(s.Default, 10), Doc: sentence(s.Doc),
		}
		if s.Switch() {
			k.Kind, k.Words, k.Default = Switch, []string{"0", "1"}, strconv.FormatBool(s.Default != 0)
		}
		out = append(out, k)
	}
	return append(out, Key{Path: setPath + ".append", Last: "append", Kind: Switch, Words: []string{"0", "1"}, Default: "false", Doc: sentence(models.AppendDoc)})
}

// sentence makes one of a clause.
func sentence(clause string) string {
	for _, model := range []string{"tpc", "threadpool", "null"} {
		if strings.HasPrefix(clause, model) {
			return clause + "."
		}
	}
	return strings.ToUpper(clause[:1]) + clause[1:] + "."
}
