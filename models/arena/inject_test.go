package arena

import (
	"slices"
	"testing"
)

func TestInjectorFailsTheNth(t *testing.T) {
	a := newArena(t, 1<<20)
	reclaims := 0
	a.OnLow(func(int) { reclaims++ })
	a.Inject(FailNth(3))
	for i := 1; i <= 5; i++ {
		b := a.TryReclaimAlloc(4096, Append)
		if (b == nil) != (i == 3) {
			t.Errorf("request %d: got %v", i, b)
		}
		if b != nil {
			b.Release(a)
		}
	}
	if reclaims != 0 || a.Stats().Failures != 1 {
		t.Errorf("%d reclaims, %d failures; want 0, 1", reclaims, a.Stats().Failures)
	}
	a.Inject(func(_ int, p Purpose) bool { return p == Lent })
	if a.Lend(4096, 0) != nil || a.Lend(1<<18, 0) != nil {
		t.Error("lent though the injector forbids it")
	}
}

func TestInjectorIsRepeatable(t *testing.T) {
	draw := func(seed uint64) (out []bool) {
		f := FailShare(seed, 0.25)
		for range 1000 {
			out = append(out, f(1, Frames))
		}
		return out
	}
	one := draw(7)
	if !slices.Equal(one, draw(7)) || slices.Equal(one, draw(8)) {
		t.Error("a seed does not decide")
	}
	n := 0
	for _, failed := range one {
		if failed {
			n++
		}
	}
	if n < 200 || n > 300 {
		t.Errorf("%d of 1000 failed, want about 250", n)
	}
}

func TestLargeRequestsAreReportedOnce(t *testing.T) {
	a := newArena(t, 8<<20)
	var got []int
	a.OnLarge(func(n int, p Purpose) bool {
		if n == 2<<20 {
			return false
		}
		got = append(got, n)
		if p != Cache {
			t.Errorf("purpose %v", p)
		}
		return true
	})
	for _, n := range []int{DataPathBytes, DataPathBytes + 1, 200 << 10, 1 << 20, 1 << 20, 2 << 20, 2<<20 - 1} {
		a.AllocFor(n, Cache).Release(a)
	}
	if !slices.Equal(got, []int{DataPathBytes + 1, 1 << 20, 2<<20 - 1}) {
		t.Errorf("reported %v", got)
	}
}
