package tpc

import "testing"

// TestWaves goes through what a shard does: two waves may be under way, writes
// of one round belong together, and a wave is over with its last write.
func TestWaves(t *testing.T) {
	var w waves
	begins := func(want bool) {
		t.Helper()
		if got := w.begin(); got != want {
			t.Fatalf("another wave may begin: got %v, want %v, with %v in flight", got, want, w.out)
		}
	}
	begins(true)
	begins(true) // the round before had nothing to write after all
	first := w.join()
	if again := w.join(); again != first {
		t.Errorf("writes of one round are in waves %d and %d", first, again)
	}
	begins(true)
	second := w.join()
	if second == first {
		t.Errorf("both waves are number %d", first)
	}
	begins(false)
	w.leave(first)
	begins(false)
	w.leave(first)
	begins(true)
	if third := w.join(); third != first {
		t.Errorf("the third wave is number %d, want %d", third, first)
	}
	w.leave(second)
	begins(true)
}
