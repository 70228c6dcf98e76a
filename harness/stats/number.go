package stats

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Number is a value or the reason why there is none. The zero Number is a
// refusal without a reason.
type Number struct {
	value   float64
	ok      bool
	refusal string
}

// Of is a number that was obtained; NaN and infinities are refused.
func Of(v float64) Number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Refuse("not a finite number")
	}
	return Number{value: v, ok: true}
}

// Refuse is a number that the data cannot carry, and why.
func Refuse(format string, args ...any) Number { return Number{refusal: fmt.Sprintf(format, args...)} }

// Get returns the value, and false when there is none.
func (n Number) Get() (float64, bool) { return n.value, n.ok }

// OK reports whether there is a value.
func (n Number) OK() bool { return n.ok }

// Refusal is why there is no value; empty when there is one.
func (n Number) Refusal() string {
	if n.ok {
		return ""
	}
	if n.refusal == "" {
		return "not measured"
	}
	return n.refusal
}

// Times scales the value and passes a refusal on.
func (n Number) Times(k float64) Number {
	if !n.ok {
		return n
	}
	return Of(n.value * k)
}

// MarshalJSON writes {"value": v} with six significant digits, more than any
// measurement here has and few enough that every processor rounds alike, or
// {"refused": why}.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.ok {
		return json.Marshal(map[string]string{"refused": n.Refusal()})
	}
	return json.Marshal(map[string]float64{"value": Round(n.value)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (n *Number) UnmarshalJSON(b []byte) error {
	var v struct {
		Value   *float64 `json:"value"`
		Refused string   `json:"refused"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v.Value == nil {
		*n = Number{refusal: v.Refused}
		return nil
	}
	*n = Of(*v.Value)
	return nil
}

// Round keeps six significant digits.
func Round(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		return v
	}
	return r
}
