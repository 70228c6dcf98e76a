//go:build invariants

package mesh

import (
	"strings"
	"testing"
)

const invariants = true

func leak(x *Exchange[thing]) Foreign[thing] {
	f, _ := x.Make(0, &thing{})
	return f
}

func leakCopy(x *Exchange[thing], f *Foreign[thing], c *copies) { x.Copy(1, f, c) }

// A reference that nobody releases is told by where it was made.
func TestLeaksNameTheirMaker(t *testing.T) {
	x, c := NewExchange[thing](2, 4, nil), &copies{}
	a := leak(x)
	leakCopy(x, &a, c)
	x.Flush(1)
	x.Recv(0, 9)
	x.Flush(0)
	x.Recv(1, 9)
	all := strings.Join(x.Leaks(), "\n")
	if len(x.Leaks()) != 2 || !strings.Contains(all, "mesh.leak ") || !strings.Contains(all, "mesh.leakCopy ") || !strings.Contains(all, "lease_test.go:") {
		t.Errorf("leaks:\n%s", all)
	}
	x.Release(0, &a)
	if left := x.Leaks(); len(left) != 1 || !strings.Contains(left[0], "leakCopy") {
		t.Errorf("after one release: %v", left)
	}
}

// A value that was copied and released twice is caught where the second release
// is, not when it comes home.
func TestSecondReleaseIsCaught(t *testing.T) {
	x := NewExchange[thing](2, 4, nil)
	a := leak(x)
	b := a
	x.Release(1, &a)
	defer func() {
		if s, ok := recover().(string); !ok || !strings.Contains(s, "shard 1 has released") || !strings.Contains(s, "mesh.leak ") {
			t.Errorf("got %q", s)
		}
	}()
	x.Release(0, &b)
}
