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
	b := &Ballast{}
	defer b.Close()
	if err := b.Fill(size); err != nil {
		t.Fatal(err)
	}
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
	// Another cell, with less: what is missing is touched again, and what it
	// writes is counted from there.
	if err := b.Fill(100 << 20); err != nil {
		t.Fatal(err)
	}
	if got := held(b); got != 100<<20 {
		t.Errorf("%d bytes are held for the second, want 100 MiB", got)
	}
	if err := b.Fill(10 << 20); err != nil || held(b) != 100<<20 {
		t.Errorf("%v: %d bytes are held for one that wants less, want what there was", err, held(b))
	}
	b.Follow(t.Context(), func() int64 { return -1 }) // ends by itself
	if got := held(b); got != 0 {
		t.Errorf("%d are held though the kernel does not tell what was written", got)
	}
}

func TestNoBallast(t *testing.T) {
	var b Ballast
	for _, n := range []int64{0, -1} {
		if err := b.Fill(n); err != nil {
			t.Fatal(err)
		}
		b.Follow(t.Context(), func() int64 { t.Fatal("there is nothing to follow"); return 0 })
	}
	if err := b.Fill(1 << 60); err == nil {
		t.Error("an exbibyte was reserved")
	}
	if err := b.Fill(pieceBytes); err != nil || held(&b) != pieceBytes {
		t.Errorf("after an error: %v, %d bytes held", err, held(&b))
	}
	b.Close()
	b.Close()
}
