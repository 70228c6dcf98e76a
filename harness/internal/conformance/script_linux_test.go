package conformance

import (
	"testing"

	"github.com/ceteris/ceteris/models/modeltest"
)

// TestSame plays every script at every point: the same answers and the same
// files as the reference, byte for byte.
func TestSame(t *testing.T) {
	for _, s := range modeltest.Scripts() {
		t.Run(s.Name, func(t *testing.T) {
			listen := modeltest.FreeAddr(t)
			want := s.Play(t, reference, listen)
			for _, p := range points {
				t.Run(p.String(), func(t *testing.T) {
					s.Same(t, want, s.Play(t, p, listen))
				})
			}
		})
	}
}
