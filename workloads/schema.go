package workloads

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// The forms of scalars as regular expressions that every editor's dialect
// knows.
const (
	namePattern     = `^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`
	textPattern     = `\S`
	sizePattern     = `^\s*([0-9]+\s*([KMGT]i)?B|[0-9]+|[0-9]*\.[0-9]+\s*[KMGT]iB)\s*$`
	durationPattern = `^\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+)$`
	cpusPattern     = `^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$`
)

type schema = map[string]any

// Schema is the JSON Schema (draft 2020-12) of an experiment file, for editors:
// what one key alone can get wrong. What follows from several keys, and the
// bounds of sizes and durations, only [Parse] checks.
func Schema() []byte {
	top := mappingSchema(Key{}, (*Key)(nil).Children())
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["title"] = "An experiment of Ceteris"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(top); err != nil {
		panic(err) // maps of strings, numbers and lists
	}
	return b.Bytes()
}

// mappingSchema is a mapping with these keys and no others.
func mappingSchema(k Key, children []*Key) schema {
	s := schema{"type": "object", "additionalProperties": false}
	properties := schema{}
	var needed []string
	var conditions []schema
	for _, c := range children {
		properties[c.Last] = keySchema(c)
		if c.Needed {
			needed = append(needed, c.Last)
		}
		if c.With != "" {
			neighbour, value, _ := strings.Cut(c.With, "=")
			condition := schema{"properties": schema{neighbour: schema{"const": value}}}
			if at := byPath()[k.Item()+neighbour]; at.Default != value {
				condition["required"] = []string{neighbour}
			}
			conditions = append(conditions, schema{
				"if": condition, "then": schema{"required": []string{c.Last}}, "else": schema{"properties": schema{c.Last: false}},
			})
		}
	}
	if conditions != nil {
		s["allOf"] = conditions
	}
	s["properties"] = properties
	if k.OneOf {
		s["minProperties"], s["maxProperties"] = 1, 1
	}
	if needed != nil {
		s["required"] = needed
	}
	return s
}

// keySchema is everything that a key takes.
func keySchema(k *Key) schema {
	forms := k.scalars()
	if children := k.Children(); len(children) > 0 {
		forms = append(forms, mappingSchema(*k, children))
	}
	s := anyOf(forms)
	list := schema{"type": "array", "items": s, "minItems": 1}
	switch k.Count {
	case List:
		s = list
	case OneOrList:
		list["uniqueItems"], list["maxItems"] = true, maxValues
		s = anyOf([]schema{s, list})
	}
	s["description"] = k.Doc + " (" + k.Takes() + ")"
	if k.Default != "" {
		s["default"] = k.defaultValue()
	}
	return s
}

func anyOf(forms []schema) schema {
	if len(forms) == 1 {
		return forms[0]
	}
	return schema{"anyOf": forms}
}

// scalars are the forms of a value that is no mapping.
func (k *Key) scalars() []schema {
	var forms []schema
	if k.Words != nil && k.Kind != Name { // a name may be any word
		words := []any{}
		for _, w := range k.Words {
			words = append(words, scalar(w))
		}
		forms = append(forms, schema{"enum": words})
	}
	pattern := func(p string) schema { return schema{"type": "string", "pattern": p} }
	bounded := func(kind string) schema {
		s := schema{"type": kind, "minimum": k.Min}
		if k.Max < math.MaxInt64 {
			s["maximum"] = k.Max
		}
		return s
	}
	switch k.Kind {
	case Name:
		name := pattern(namePattern)
		if k.Words != nil {
			name["examples"] = k.Words
		}
		forms = append(forms, name)
	case Text:
		forms = append(forms, pattern(textPattern))
	case Integer:
		forms = append(forms, bounded("integer"))
	case Number:
		forms = append(forms, bounded("number"))
	case Switch:
		forms = append(forms, schema{"type": "boolean"})
	case Size:
		forms = append(forms, pattern(sizePattern), bounded("integer"))
	case Duration:
		forms = append(forms, pattern(durationPattern))
	case Setting:
		forms = append(forms, schema{"type": []string{"string", "number", "boolean"}})
	case CPUs:
		forms = append(forms, pattern(cpusPattern), schema{"type": "integer", "minimum": 0})
	}
	return forms
}

// defaultValue is the default as JSON has it.
func (k *Key) defaultValue() any {
	var v any = k.Default
	switch k.Kind {
	case Integer, Number, Switch, Word:
		v = scalar(k.Default)
	}
	if k.Count == List {
		return []any{v}
	}
	return v
}

// scalar is a YAML scalar's value: a number or a truth where it reads like one.
func scalar(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	if x, err := strconv.ParseFloat(s, 64); err == nil {
		return x
	}
	switch s {
	case "true", "false":
		return s == "true"
	}
	return s
}
