package compact

import (
	"fmt"
	"testing"
)

func TestKeyMap(t *testing.T) {
	m := newKeyMap(100*slotBytes, 1<<40)
	if len(m.slots) != 100 || m.most != 90 {
		t.Fatalf("%d slots of which %d may be used, want 100 and 90", len(m.slots), m.most)
	}
	key := func(i int) []byte { return fmt.Appendf(nil, "key %d", i) }
	for i := range 45 {
		if !m.put(key(i), int64(i)) {
			t.Fatalf("key %d does not fit", i)
		}
	}
	for i := range 45 { // again: the later offset counts
		m.put(key(i), 100+int64(i))
	}
	for i := range 45 {
		if got := m.get(key(i)); got != 100+int64(i) {
			t.Fatalf("key %d was last at %d, the map says %d", i, 100+i, got)
		}
	}
	if got := m.get(key(45)); got != -1 {
		t.Fatalf("a key never put is at %d", got)
	}
	for i := 45; i < 90; i++ {
		if !m.put(key(i), 200+int64(i)) {
			t.Fatalf("key %d does not fit", i)
		}
	}
	if m.put(key(90), 1000) || m.put(key(0), 1000) || m.latest != 289 || m.get(key(0)) != 100 {
		t.Fatalf("a full map has taken a key: latest %d, key 0 at %d", m.latest, m.get(key(0)))
	}
}

func TestKeyMapIsNoLargerThanNeeded(t *testing.T) {
	for _, tt := range []struct {
		budget, keys int64
		atLeast      int
		slots        int
	}{
		{1 << 30, 0, 1, 2},
		{1 << 30, 9, 9, 12},
		{0, 1000, 1, 2},
		{1000, 1000, 36, 41},
	} {
		m := newKeyMap(tt.budget, tt.keys)
		if len(m.slots) != tt.slots || m.most < tt.atLeast || m.most >= len(m.slots) {
			t.Errorf("budget %d, keys %d: %d slots for %d keys, want %d for %d", tt.budget, tt.keys, len(m.slots), m.most, tt.slots, tt.atLeast)
		}
	}
}
