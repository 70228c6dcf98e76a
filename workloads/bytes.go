package workloads

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// units are the suffixes of a size, longest first where one ends another.
var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}}

// ParseBytes reads a size such as 512MiB, 1.5KiB, 100B or a plain count of
// bytes.
func ParseBytes(s string) (int64, error) {
	factor := int64(1)
	digits := strings.TrimSpace(s)
	for _, u := range units {
		if d, ok := strings.CutSuffix(digits, u.suffix); ok {
			digits, factor = strings.TrimSpace(d), u.bytes
			break
		}
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		if n >= 0 && n <= (1<<62)/factor {
			return n * factor, nil
		}
	} else if x, err := strconv.ParseFloat(digits, 64); err == nil && factor > 1 {
		if v := x * float64(factor); v >= 0 && v < 1<<62 && v == float64(int64(v)) {
			return int64(v), nil
		}
	}
	return 0, fmt.Errorf("%q is not a size such as 512MiB, 1KiB or 100B", s)
}

// bytes reads a size within bounds, the lower of which atLeast can raise.
func (f *fields) bytes(key string, atLeast int64) int64 {
	n := f.get(key, "a size")
	if n == nil {
		return int64(f.at(key).number())
	}
	return f.bytesOf(n, f.path+key, atLeast)
}

func (d *document) bytesOf(n ast.Node, key string, atLeast int64) int64 {
	k := keyAt(key)
	low, high := max(int64(k.Min), atLeast), int64(k.Max)
	text := ""
	switch x := n.(type) {
	case *ast.StringNode:
		text = x.Value
	case *ast.IntegerNode:
		text = x.GetToken().Value
	}
	v, err := ParseBytes(text)
	if err != nil || v < low || v > high {
		d.fail(n, key, fmt.Sprintf("a size such as 1KiB between %d and %d bytes", low, high), describe(n))
		return low
	}
	return v
}
