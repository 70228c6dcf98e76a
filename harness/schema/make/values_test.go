package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	schemas "github.com/ceteris/ceteris/harness/schema"
	"github.com/ceteris/ceteris/harness/stats"
)

// TestWhatTypesWriteIsValid fills the types with random values, null and absent
// ones among them, and validates what encoding/json makes of them.
func TestWhatTypesWriteIsValid(t *testing.T) {
	const seed = 1
	random, all := rand.New(rand.NewPCG(seed, 0)), compiled(t)
	for _, d := range schemas.Documents {
		for range 200 {
			if err := all[d.Name].Validate(written(t, d, random)); err != nil {
				t.Fatalf("seed %d, %s: %v", seed, d.Name, err)
			}
		}
	}
}

// TestWhatDoesNotFitIsRefused: one change to a value that fits.
func TestWhatDoesNotFitIsRefused(t *testing.T) {
	random, all := rand.New(rand.NewPCG(2, 0)), compiled(t)
	for _, c := range []struct {
		document string
		change   func(v map[string]any)
		want     string
	}{
		{"cell", func(v map[string]any) { v["colour"] = "blue" }, "'colour' not allowed"},
		{"cell", func(v map[string]any) { delete(v, "server") }, "missing property 'server'"},
		{"cell", func(v map[string]any) { v["schema"] = "ceteris-cell/2" }, "ceteris-cell/1"},
		{"cell", func(v map[string]any) { v["valid"] = "yes" }, "want boolean"},
		{"cell", func(v map[string]any) { v["load"].(map[string]any)["acked"] = 1.5 }, "want integer"},
		{"manifest", func(v map[string]any) { v["host_class"] = "D" }, "'A', 'B', 'C'"},
		{"manifest", func(v map[string]any) { v["seed"] = -1 }, "minimum"},
		{"selftest", func(v map[string]any) { v["result"] = "perhaps" }, "'failed'"},
	} {
		var d schemas.Document
		for _, x := range schemas.Documents {
			if x.Name == c.document {
				d = x
			}
		}
		v := written(t, d, random).(map[string]any)
		c.change(v)
		if err := all[c.document].Validate(v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that says %q", c.document, err, c.want)
		}
	}
}

// sources are read once.
var sources = source{root: root}

// written is a random value of a document as a reader sees it.
func written(t *testing.T, d schemas.Document, random *rand.Rand) any {
	t.Helper()
	f := filler{random, &sources, t}
	v := reflect.New(types[d.Name]).Elem()
	f.fill(v)
	if version := v.FieldByName("Schema"); version.IsValid() {
		version.SetString(d.Version)
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// filler fills values; pointers, slices and maps are nil now and then.
type filler struct {
	*rand.Rand
	source *source
	t      *testing.T
}

func (f *filler) fill(v reflect.Value) {
	if v.Type() == reflect.TypeFor[stats.Number]() {
		n := stats.Refuse("why")
		if f.IntN(2) == 0 {
			n = stats.Of(f.NormFloat64())
		}
		v.Set(reflect.ValueOf(n))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(f.Int64N(200) - 100)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(f.Uint64N(200))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(f.NormFloat64())
	case reflect.String:
		v.SetString("text")
		if v.Type().PkgPath() != "" {
			words, err := f.source.words(v.Type())
			if err != nil {
				f.t.Fatal(err)
			}
			if words != nil {
				v.SetString(words[f.IntN(len(words))])
			}
		}
	case reflect.Pointer:
		if f.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem())
		}
	case reflect.Slice:
		if f.IntN(4) > 0 {
			v.Set(reflect.MakeSlice(v.Type(), f.IntN(3), 3))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		if f.IntN(4) > 0 {
			v.Set(reflect.MakeMap(v.Type()))
			x := reflect.New(v.Type().Elem()).Elem()
			f.fill(x)
			v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), x)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Tag.Get("json") != "-" {
				f.fill(v.Field(i))
			}
		}
	}
}
