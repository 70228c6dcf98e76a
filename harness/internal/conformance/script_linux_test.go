package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/modeltest"
)

// TestSame plays every script at every point: the same answers and the same
// files as the reference, byte for byte.
func TestSame(t *testing.T) {
	asked := map[string]bool{}
	for _, s := range modeltest.Scripts() {
		t.Run(s.Name, func(t *testing.T) {
			listen := modeltest.FreeAddr(t)
			want := s.Play(t, reference, listen)
			for _, life := range want {
				for _, line := range life.Lines {
					_, what, _ := strings.Cut(line.What, ": ")
					asked[what] = true
				}
			}
			for i, p := range points {
				if reduced && i%4 != 2 { // three of the pool, three of shards, all ways to poll
					continue
				}
				t.Run(p.String(), func(t *testing.T) {
					s.Same(t, want, s.Play(t, p, listen))
				})
			}
		})
	}
	if t.Failed() || len(asked) < 100 { // a single script was asked for
		return
	}
	for _, a := range api.All() {
		for v := a.Served; v <= a.Max; v++ {
			if what := fmt.Sprintf("%s v%d", kmsg.NameForKey(a.Key), v); !asked[what] {
				t.Errorf("no script asks %s", what)
			}
		}
	}
}
