package report

import (
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
)

// TestLeftOutByArm: gates that leave out one arm's cells select, and the report says so
// in its first lines; those that leave out cells of all arms alike, or few, do not.
func TestLeftOutByArm(t *testing.T) {
	for _, c := range []struct {
		name    string
		of      map[string]int // how many of an arm's twelve cells are left out
		want    string
		reasons string
	}{
		{"half of an arm", map[string]int{"tpc": 6}, "", "steal 5, slip 1"},
		{"one arm", map[string]int{"tpc": 9}, "(p = 0.001): 9 of 12 of tpc (steal 8, slip 1), 0 of 12 of threadpool; ", "steal 8, slip 1"},
		{"all but one arm", map[string]int{"tpc": 12, "null": 12}, "(p < 0.0001): 12 of 12 of tpc (steal 11, slip 1), 0 of 12 of threadpool; ", "steal 22, slip 2"},
		{"all alike", map[string]int{"tpc": 6, "threadpool": 6, "null": 6}, "", "steal 15, slip 3"},
		{"none", nil, "", ""},
	} {
		a := &Analysis{Arms: []ArmName{{Name: "tpc"}, {Name: "threadpool"}, {Name: "null"}}}
		for i := range 12 {
			for _, arm := range []string{"null", "threadpool", "tpc"} { // any order will do
				r := &result.CellRecord{Block: i, Arm: arm, Valid: i >= c.of[arm]}
				if gate := "steal"; !r.Valid {
					if i == 0 {
						gate = "slip"
					}
					r.Gates = []result.Gate{{Name: gate, Detail: "too much"}, {Name: "others", Detail: "after the first"}}
				}
				a.cell(r)
			}
		}
		a.uneven()
		for i, l := range a.LeftOutOf {
			if l.Arm != a.Arms[i].Name || l.Cells != 12 || l.LeftOut != c.of[l.Arm] {
				t.Errorf("%s: %+v in place %d", c.name, l, i)
			}
		}
		if (c.want == "") != (a.Uneven == "") || !strings.Contains(a.Uneven, c.want) || !strings.Contains(a.headline(), a.Uneven) {
			t.Errorf("%s: %q, want %q; headline:\n%s", c.name, a.Uneven, c.want, a.headline())
		}
		if got := a.leftOutText(); got != c.reasons {
			t.Errorf("%s: reasons %q, want %q", c.name, got, c.reasons)
		}
	}
}
