package main

import (
	"fmt"
	"path"
	"reflect"
	"strings"

	"github.com/ceteris/ceteris/harness/stats"
)

type schema = map[string]any

// writer turns types into schemas as encoding/json turns their values into text.
type writer struct {
	source
	defs schema // by package and type; a type that is used twice is described once
}

// number is what stats.Number writes of itself.
var number = schema{
	"description": "A number with six significant digits, or why there is none.",
	"oneOf": []schema{
		{"type": "object", "properties": schema{"value": schema{"type": "number"}}, "required": []string{"value"}, "additionalProperties": false},
		{"type": "object", "properties": schema{"refused": schema{"type": "string"}}, "required": []string{"refused"}, "additionalProperties": false},
	},
}

// of is the schema of a type.
func (w *writer) of(t reflect.Type) (schema, error) {
	if t == reflect.TypeFor[stats.Number]() {
		return w.define(t, func() (schema, error) { return number, nil })
	}
	switch t.Kind() {
	case reflect.Bool:
		return schema{"type": "boolean"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return schema{"type": "integer"}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return schema{"type": "integer", "minimum": 0}, nil
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}, nil
	case reflect.String:
		if t.PkgPath() == "" {
			return schema{"type": "string"}, nil
		}
		words, err := w.words(t)
		if err != nil || words == nil {
			return schema{"type": "string"}, err
		}
		return schema{"enum": words}, nil
	case reflect.Pointer:
		return w.of(t.Elem()) // a field makes it nullable where it can be null
	case reflect.Slice:
		items, err := w.of(t.Elem())
		return schema{"type": []string{"array", "null"}, "items": items}, err
	case reflect.Array:
		items, err := w.of(t.Elem())
		return schema{"type": "array", "items": items, "minItems": t.Len(), "maxItems": t.Len()}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			break
		}
		values, err := w.of(t.Elem())
		return schema{"type": []string{"object", "null"}, "additionalProperties": values}, err
	case reflect.Struct:
		return w.define(t, func() (schema, error) { return w.object(t) })
	}
	return nil, fmt.Errorf("%v cannot be described", t)
}

// define describes a named type among the definitions and refers to it.
func (w *writer) define(t reflect.Type, describe func() (schema, error)) (schema, error) {
	name := path.Base(t.PkgPath()) + "." + t.Name()
	if _, ok := w.defs[name]; !ok {
		w.defs[name] = schema{} // while it is described
		s, err := describe()
		if err != nil {
			return nil, err
		}
		w.defs[name] = s
	}
	return schema{"$ref": "#/$defs/" + name}, nil
}

// object is the schema of a struct: its keys and no others.
func (w *writer) object(t reflect.Type) (schema, error) {
	properties, needed := schema{}, []string{}
	if err := w.fields(t, properties, &needed); err != nil {
		return nil, err
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties, "required": needed}
	doc, err := w.comment(t, "")
	if doc != "" {
		s["description"] = doc
	}
	return s, err
}

// fields enters the fields of a struct, those of embedded ones too.
func (w *writer) fields(t reflect.Type, properties schema, needed *[]string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" {
			if err := w.fields(f.Type, properties, needed); err != nil {
				return err
			}
			continue
		}
		if tag == "-" || !f.IsExported() {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		s, err := w.of(f.Type)
		if err != nil {
			return fmt.Errorf("%v.%s: %w", t, f.Name, err)
		}
		absent := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		if !absent {
			*needed = append(*needed, tag)
			if f.Type.Kind() == reflect.Pointer {
				s = schema{"anyOf": []schema{s, {"type": "null"}}}
			}
		}
		doc, err := w.comment(t, f.Name)
		if err != nil {
			return err
		}
		if doc != "" {
			s["description"] = doc
		}
		properties[tag] = s
	}
	return nil
}
