package wire

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fill puts something random into every exported field.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(int8(r.Uint32())))
	case reflect.Uint8:
		v.SetUint(uint64(r.IntN(256)))
	case reflect.String:
		v.SetString(string(randomBytes(r, 150)))
	case reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Slice:
		n := r.IntN(4)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(r, v.Index(i))
		}
	case reflect.Struct:
		if tags, ok := v.Addr().Interface().(*kmsg.Tags); ok {
			*tags = randomTags(r)
			return
		}
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	}
}

// The schemas are kmsg's: whatever kmsg writes in any version is walked to its
// last byte, and nothing shorter passes.
func TestSchemasAreKmsgs(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 8))
	for key, schema := range schemas {
		req := kmsg.RequestForKey(key)
		for v := int16(0); v <= req.MaxVersion(); v++ {
			for range 12 {
				fill(r, reflect.ValueOf(req).Elem())
				req.SetVersion(v)
				makeSound(req)
				body := req.AppendTo(nil)
				in := reader{b: body}
				if walk(&in, schema, v, req.IsFlexible()); in.bad != "" || in.left() != 0 {
					t.Fatalf("seed %d %s v%d: %s, %d bytes left of %d", seed, kmsg.NameForKey(key), v, in.bad, in.left(), len(body))
				}
				back, err := DecodeRequest(key, v, body)
				if err != nil {
					t.Fatalf("seed %d %s v%d: %v", seed, kmsg.NameForKey(key), v, err)
				}
				// Tagged fields are a map, which kmsg writes in any order.
				if again := back.AppendTo(nil); len(again) != len(body) {
					t.Fatalf("seed %d %s v%d: -in +out\n%s", seed, kmsg.NameForKey(key), v, cmp.Diff(body, again))
				}
				for cut := range body {
					if _, err := DecodeRequest(key, v, body[:cut:cut]); err == nil {
						t.Fatalf("seed %d %s v%d: cut at %d of %d without an error", seed, kmsg.NameForKey(key), v, cut, len(body))
					}
				}
			}
		}
	}
}

// makeSound gives names to what has none: kmsg would write null.
func makeSound(req kmsg.Request) {
	if m, ok := req.(*kmsg.MetadataRequest); ok && m.Version < 10 {
		for i := range m.Topics {
			m.Topics[i].Topic = kmsg.StringPtr("t")
		}
	}
}

// A request that claims more tagged fields than it has bytes is refused at once,
// wherever the claim stands. kmsg alone would count to four billion.
func TestForgedTagCountsCostNothing(t *testing.T) {
	forged := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	for key := range schemas {
		req := kmsg.RequestForKey(key)
		for v := int16(0); v <= req.MaxVersion(); v++ {
			req.SetVersion(v)
			if !req.IsFlexible() {
				continue
			}
			body := req.AppendTo(nil)
			for at := range body {
				// Wherever it lands, it is a count, a length or a number of tags.
				_, _ = DecodeRequest(key, v, append(bytes.Clone(body[:at]), forged...))
			}
			_, err := DecodeRequest(key, v, append(bytes.Clone(body[:len(body)-1]), forged...))
			if err == nil || !strings.Contains(err.Error(), "more tagged fields") {
				t.Errorf("%s v%d: got %v", kmsg.NameForKey(key), v, err)
			}
		}
	}
}
