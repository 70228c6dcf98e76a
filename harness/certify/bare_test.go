package certify

import (
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// TestLateness: on a clock that moves by 1 µs a look and once by 100 µs, the ten
// moments in that gap are late by what was left of it, all others by less than a
// look.
func TestLateness(t *testing.T) {
	at, looks := int64(0), 0
	now := func() int64 {
		looks++
		if at++; looks == 5000 {
			at += 100_000
		}
		at += 999
		return at
	}
	h := hdr.New(1, int64(time.Minute), 3)
	lateness(now, 10_000, 20_000_000, h)
	if h.TotalCount() != 2000 {
		t.Fatalf("%d moments, want 2000", h.TotalCount())
	}
	if got := shareAbove(h, 1_000); got != 10.0/2000 {
		t.Errorf("a share of %g was late by more than a look, want ten in 2000", got)
	}
	if got := shareAbove(h, 50_000); got != 5.0/2000 {
		t.Errorf("a share of %g was late by more than half the gap, want five in 2000", got)
	}
	if got := h.Max(); got < 91_000 || got > 101_500 {
		t.Errorf("the latest was %d ns late, want what the gap took less a step", got)
	}
}

func TestShareAbove(t *testing.T) {
	h := hdr.New(1, int64(time.Minute), 3)
	if got := shareAbove(h, 10); got != 0 {
		t.Errorf("of nothing: %g", got)
	}
	_ = h.RecordValues(10, 30)
	_ = h.RecordValues(11, 10)
	if got := shareAbove(h, 10); got != 0.25 {
		t.Errorf("got %g, want a quarter", got)
	}
}
