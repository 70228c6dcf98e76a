package wire

import "math"

// What requests other than Produce and Fetch consist of. kmsg, which decodes
// them, trusts the number of tagged fields: nine bytes that claim four billion
// of them keep it busy for a minute. So every request is walked first, by its
// schema, and only one whose every length is true is decoded.

// kind is the type of a field.
type kind uint8

const (
	int8s kind = iota // booleans too
	int16s
	int32s
	int64s
	uuids
	texts
	nullableTexts
	arrays
	nullableArrays
)

// field is one field of a request or of an element of an array, in the versions
// from min to max.
type field struct {
	kind     kind
	min, max int16
	of       []field // what an element of an array consists of
	scalar   bool    // elements are bare: they carry no tagged fields
}

func all(k kind) field                 { return field{kind: k, max: math.MaxInt16} }
func since(v int16, k kind) field      { return field{kind: k, min: v, max: math.MaxInt16} }
func between(a, b int16, k kind) field { return field{kind: k, min: a, max: b} }

// list is an array of structs.
func list(f field, of ...field) field {
	f.of = of
	return f
}

// bare is an array of scalars.
func bare(f field, k kind) field {
	f.of, f.scalar = []field{all(k)}, true
	return f
}

// schemas are the requests that DecodeRequest takes, by key.
var schemas = map[int16][]field{
	2: { // ListOffsets
		all(int32s), since(2, int8s),
		list(all(arrays), all(texts),
			list(all(arrays), all(int32s), since(4, int32s), all(int64s), between(0, 0, int32s))),
		since(10, int32s),
	},
	3: { // Metadata
		list(all(nullableArrays), since(10, uuids), between(0, 9, texts), since(10, nullableTexts)),
		since(4, int8s), between(8, 10, int8s), since(8, int8s),
	},
	10: { // FindCoordinator
		between(0, 3, texts), since(1, int8s), bare(since(4, arrays), texts),
	},
	18: { // ApiVersions
		since(3, texts), since(3, texts), since(5, nullableTexts), since(5, int32s),
	},
	19: { // CreateTopics
		list(all(arrays), all(texts), all(int32s), all(int16s),
			list(all(arrays), all(int32s), bare(all(arrays), int32s)),
			list(all(arrays), all(texts), all(nullableTexts))),
		all(int32s), since(1, int8s),
	},
	20: { // DeleteTopics
		bare(between(0, 5, arrays), texts), list(since(6, arrays), all(nullableTexts), all(uuids)), all(int32s),
	},
	22: { // InitProducerId
		all(nullableTexts), all(int32s), since(3, int64s), since(3, int16s),
	},
	23: { // OffsetForLeaderEpoch
		since(3, int32s),
		list(all(arrays), all(texts), list(all(arrays), all(int32s), since(2, int32s), all(int32s))),
	},
	32: { // DescribeConfigs
		list(all(arrays), all(int8s), all(texts), bare(all(nullableArrays), texts)), since(1, int8s), since(3, int8s),
	},
	37: { // CreatePartitions
		list(all(arrays), all(texts), all(int32s), list(all(nullableArrays), bare(all(arrays), int32s))),
		all(int32s), all(int8s),
	},
	60: { // DescribeCluster
		all(int8s), since(1, int8s), since(2, int8s),
	},
}

// walk reads the fields of one struct, its tagged fields included.
func walk(r *reader, fields []field, version int16, flex bool) {
	walkFields(r, fields, version, flex)
	if flex {
		r.skipTags()
	}
}

func walkFields(r *reader, fields []field, version int16, flex bool) {
	for i := range fields {
		f := &fields[i]
		if version < f.min || version > f.max || r.bad != "" {
			continue
		}
		switch f.kind {
		case int8s:
			r.span(1)
		case int16s:
			r.span(2)
		case int32s:
			r.span(4)
		case int64s:
			r.span(8)
		case uuids:
			r.span(16)
		case texts:
			r.string(flex)
		case nullableTexts:
			r.nullableString(flex)
		case arrays, nullableArrays:
			walkArray(r, f, version, flex)
		}
	}
}

func walkArray(r *reader, f *field, version int16, flex bool) {
	n := 0
	if f.kind == nullableArrays {
		n = r.nullableCount(flex, 1)
	} else {
		n = r.count(flex, 1)
	}
	for ; n > 0 && r.bad == ""; n-- {
		if f.scalar {
			walkFields(r, f.of, version, flex)
		} else {
			walk(r, f.of, version, flex)
		}
	}
}
