package modeltest

import (
	"reflect"
	"testing"
)

// TestCover: every pair that an allowed combination has is in one of those
// chosen, no forbidden combination is, and they are few and always the same.
func TestCover(t *testing.T) {
	choices := []Choice{
		{"a", []string{"1", "2", "3"}},
		{"b", []string{"1", "2"}},
		{"c", []string{"1", "2", "3"}},
		{"d", []string{"1", "2"}},
		{"e", []string{"1", "2"}},
	}
	allowed := func(v map[string]string) bool { return !(v["a"] == "3" && v["b"] == "2") }
	got := Cover(choices, allowed)
	met := map[[4]string]bool{}
	for _, c := range got {
		if !allowed(c) {
			t.Errorf("%v is not allowed", c)
		}
		eachPair(choices, c, func(p [4]string) { met[p] = true })
	}
	all := combinations(choices, allowed)
	if len(all) != 60 {
		t.Errorf("%d combinations, want 60 of 72", len(all))
	}
	for _, c := range all {
		eachPair(choices, c, func(p [4]string) {
			if !met[p] {
				t.Fatalf("%v do not meet", p)
			}
		})
	}
	if len(got) < 9 || len(got) > 12 {
		t.Errorf("%d combinations, want 9 or little more", len(got))
	}
	if again := Cover(choices, allowed); !reflect.DeepEqual(again, got) {
		t.Error("another time it is another answer")
	}
	p := Points("m", choices, got)[0]
	if p.Model != "m" || len(p.Set) != 10 || p.Set[0] != "a" {
		t.Errorf("point %+v", p)
	}
}
