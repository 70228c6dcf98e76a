package log

import "testing"

// TestRingGrows pushes past every size: after each push all batches that fit are
// found where they are, and what was overwritten is not.
func TestRingGrows(t *testing.T) {
	var r ring
	for n := range int64(3 * ringSize) {
		r.push(10*n, 10*n+9, 100*n, 50, 7)
		for want := int64(0); want <= n; want++ {
			p, ok := r.find(10*want + 3)
			if kept := n-want < ringSize; ok != kept || ok && (p.base != 10*want || p.pos != 100*want || p.length != 50 || p.seg != 7) {
				t.Fatalf("after %d batches, batch %d: found %v, %+v", n+1, want, ok, p)
			}
		}
	}
}
