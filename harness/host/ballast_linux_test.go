package host

import (
	"context"
	"os"
	"testing"
)

// held counts the bytes of b's pages that still have what was written to them;
// a page that was let go of reads as zero.
func held(b *Ballast) (bytes int64) {
	for i := 0; i < len(b.mem); i += os.Getpagesize() {
		bytes += int64(b.mem[i]) * int64(os.Getpagesize())
	}
	return bytes
}

func TestBallastFollowsWhatIsWritten(t *testing.T) {
	const size = aheadBytes + 64<<20
	b, err := NewBallast(size)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if got := held(b); got != size {
		t.Fatalf("%d bytes touched, want %d", got, size)
	}
	ctx, cancel := context.WithCancel(t.Context())
	looks := []struct{ written, heldBefore int64 }{
		{0, size}, {3 << 20, 64 << 20}, {3 << 20, 60 << 20}, {10<<20 + 1, 60 << 20}, // huge pages are whole
	}
	b.Follow(ctx, func() int64 {
		look := looks[0]
		if got := held(b); got != look.heldBefore {
			t.Errorf("before %d bytes were written: %d are held, want %d", look.written, got, look.heldBefore)
		}
		if looks = looks[1:]; len(looks) == 0 {
			cancel()
		}
		return look.written
	})
	if got, want := held(b), int64(52<<20); got != want {
		t.Errorf("at the end %d are held, want %d", got, want)
	}
	b.Follow(t.Context(), func() int64 { return -1 }) // ends by itself
	if got := held(b); got != 0 {
		t.Errorf("%d are held though the kernel does not tell what was written", got)
	}
}

func TestNoBallast(t *testing.T) {
	for _, n := range []int64{0, -1} {
		b, err := NewBallast(n)
		if err != nil {
			t.Fatal(err)
		}
		b.Follow(t.Context(), func() int64 { t.Fatal("there is nothing to follow"); return 0 })
		b.Close()
	}
	if b, err := NewBallast(1 << 60); err == nil {
		b.Close()
		t.Error("an exbibyte was touched")
	}
}
