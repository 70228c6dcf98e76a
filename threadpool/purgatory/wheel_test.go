package purgatory

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestWheelLevels places entries at the edges of every wheel and checks when
// each expires.
func TestWheelLevels(t *testing.T) {
	const start = 1000
	for _, delay := range []int64{1, 2, 19, 20, 21, 39, 40, 399, 400, 401, 419, 500, 7999, 8000, 8001, 160000, 3199999, 3200000} {
		w := NewWheel(start)
		var e Entry
		if !w.Add(&e, start+delay) {
			t.Errorf("delay %d: expired at once", delay)
			continue
		}
		got, now := int64(-1), int64(start)
		for w.Len() > 0 {
			next, ok := w.NextMs()
			if !ok || next < now || next > start+delay {
				t.Fatalf("delay %d: next turn at %d (%v), now is %d", delay, next, ok, now)
			}
			now = next
			if out := w.Advance(now, nil); len(out) > 0 {
				got = now - start
			}
		}
		if got != delay {
			t.Errorf("delay %d: expired after %d", delay, got)
		}
	}
}

func TestWheelExpiredAlready(t *testing.T) {
	w := NewWheel(100)
	for _, deadline := range []int64{-5, 0, 99, 100} {
		var e Entry
		if w.Add(&e, deadline) {
			t.Errorf("deadline %d at 100: waits", deadline)
		}
	}
	if w.Len() != 0 {
		t.Errorf("got %d entries, want 0", w.Len())
	}
}

// TestWheelModel compares the wheel with a plain list under random adds,
// removals and leaps in time: nothing expires early, late or twice.
func TestWheelModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.Int64Range(0, 1e6).Draw(t, "start")
		w := NewWheel(now)
		waiting := map[*Entry]int64{}
		var order []*Entry
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				e := &Entry{}
				deadline := now + rapid.OneOf(rapid.Int64Range(-2, 50), rapid.Int64Range(0, 1000), rapid.Int64Range(0, 1e7)).Draw(t, "delay")
				if added := w.Add(e, deadline); added != (deadline > now) {
					t.Fatalf("add for %d at %d: got %v", deadline, now, added)
				} else if added {
					waiting[e] = deadline
					order = append(order, e)
				}
			},
			"remove": func(t *rapid.T) {
				if len(order) == 0 {
					t.Skip("empty")
				}
				i := rapid.IntRange(0, len(order)-1).Draw(t, "which")
				w.Remove(order[i])
				delete(waiting, order[i])
				order = slices.Delete(order, i, i+1)
			},
			"advance": func(t *rapid.T) {
				now += rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 500), rapid.Int64Range(0, 1e6)).Draw(t, "ms")
				for _, e := range w.Advance(now, nil) {
					if d, ok := waiting[e]; !ok || d > now {
						t.Fatalf("expired at %d: deadline %d, waiting %v", now, d, ok)
					}
					delete(waiting, e)
					order = slices.DeleteFunc(order, func(o *Entry) bool { return o == e })
				}
				for _, d := range waiting {
					if d <= now {
						t.Fatalf("deadline %d still waits at %d", d, now)
					}
				}
			},
			"": func(t *rapid.T) {
				if w.Len() != len(waiting) {
					t.Fatalf("got %d entries, want %d", w.Len(), len(waiting))
				}
			},
		})
	})
}
