package arena

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/ceteris/ceteris/models/iobuf"
)

func newArena(t testing.TB, bytes int64) *Arena {
	t.Helper()
	a, err := New(Options{Bytes: bytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func address(b *iobuf.Buf) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b.B))) }

func TestSizes(t *testing.T) {
	a := newArena(t, 4<<20)
	for _, c := range []struct{ ask, got, align int }{
		{-1, 512, 512},
		{0, 512, 512},
		{1, 512, 512},
		{512, 512, 512},
		{513, 1024, 1024},
		{1024, 1024, 1024},
		{1025, 2048, 2048},
		{2048, 2048, 2048},
		{2049, 4096, 4096},
		{4096, 4096, 4096},
		{4097, 8192, 4096},
		{65536, 65536, 4096},
		{65537, 131072, 4096},
		{131072, 131072, 4096},
		{131073, 262144, 4096},
		{2 << 20, 2 << 20, 4096},
	} {
		b := a.Alloc(c.ask)
		if b == nil {
			t.Fatalf("Alloc(%d) = nil", c.ask)
		}
		if len(b.B) != c.got || cap(b.B) != c.got || b.Refs() != 1 {
			t.Errorf("Alloc(%d): len %d cap %d refs %d, want %d, %d, 1", c.ask, len(b.B), cap(b.B), b.Refs(), c.got, c.got)
		}
		if address(b)%uintptr(c.align) != 0 {
			t.Errorf("Alloc(%d) at %#x, want alignment %d", c.ask, address(b), c.align)
		}
		b.Release(a)
	}
	if s := a.Stats(); s.Oversized != 2 {
		t.Errorf("oversized = %d, want 2", s.Oversized)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, bytes := range []int64{-1, 0, minBytes - 1, maxPages * PageBytes} {
		if _, err := New(Options{Bytes: bytes}); err == nil || !strings.Contains(err.Error(), "a shard needs") {
			t.Errorf("New(%d bytes): %v, want the bounds", bytes, err)
		}
	}
}

// A region that is no power of two can still be handed out to the last page.
func TestOddRegionIsUsable(t *testing.T) {
	const pages = 1000 + 37
	a := newArena(t, pages*PageBytes+123)
	var held []*iobuf.Buf
	for b := a.Alloc(PageBytes); b != nil; b = a.Alloc(PageBytes) {
		held = append(held, b)
	}
	if len(held) != pages {
		t.Errorf("got %d pages, want %d", len(held), pages)
	}
	if s := a.Stats(); s.FreeBytes != 0 || s.Failures != 1 || s.LowestFreeBytes != 0 {
		t.Errorf("free %d failures %d lowest %d, want 0, 1, 0", s.FreeBytes, s.Failures, s.LowestFreeBytes)
	}
	for _, b := range held {
		b.Release(a)
	}
	whole(t, a)
}

// whole checks that everything is free and merges into the spans of the start.
func whole(t interface {
	Helper()
	Errorf(string, ...any)
}, a *Arena,
) {
	t.Helper()
	a.flushQuick()
	var fresh buddy
	fresh.init(len(a.region) / PageBytes)
	if a.buddy.count != fresh.count || a.FreeBytes() != int64(len(a.region)) || a.buddy.free*PageBytes != a.FreeBytes() {
		t.Errorf("free spans by order %v (%d bytes), want %v (%d bytes)", a.buddy.count, a.FreeBytes(), fresh.count, len(a.region))
	}
}

func TestExhaustionIsAnAnswer(t *testing.T) {
	a := newArena(t, 1<<20)
	if b := a.Alloc(1<<20 + 1); b != nil {
		t.Fatal("a request above the region was granted")
	}
	if b := a.Alloc(1 << 40); b != nil {
		t.Fatal("a request of 1 TiB was granted")
	}
	all := a.Alloc(1 << 20)
	if all == nil {
		t.Fatal("the whole region was refused")
	}
	for _, n := range []int{1, 2048, 4096, 65536} {
		if b := a.Alloc(n); b != nil {
			t.Fatalf("Alloc(%d) from an empty arena was granted", n)
		}
	}
	// A foreign release is enough for the next request, even before Drain.
	all.Release(nil)
	b := a.Alloc(1)
	if b == nil {
		t.Fatal("Alloc did not take back what another thread released")
	}
	b.Release(a)
	if s := a.Stats(); s.Failures != 6 || s.ForeignFrees != 1 {
		t.Errorf("failures %d foreign %d, want 6, 1", s.Failures, s.ForeignFrees)
	}
	whole(t, a)
}

// Spans on the short lists must not keep a larger request from being served.
func TestShortListsMergeUnderPressure(t *testing.T) {
	a := newArena(t, 16<<20)
	var held []*iobuf.Buf
	for b := a.Alloc(64 << 10); b != nil; b = a.Alloc(64 << 10) {
		held = append(held, b)
	}
	for _, b := range held {
		b.Release(a)
	}
	if s := a.Stats(); s.QuickSpans[4] != 4 {
		t.Fatalf("64 KiB spans on the short list = %d, want 4", s.QuickSpans[4])
	}
	b := a.Alloc(16 << 20)
	if b == nil {
		t.Fatal("the whole region was refused though all is free")
	}
	b.Release(a)
}

func TestDoubleFreeStops(t *testing.T) {
	a := newArena(t, 1<<20)
	for _, n := range []int{512, 4096, 1 << 18} {
		b := a.Alloc(n)
		header := iobuf.Buf{B: b.B, Owner: a, Tag: b.Tag}
		b.Release(a)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d bytes were freed twice without a word", n)
				}
			}()
			a.Recycle(&header, a)
		}()
		a.n.frees-- // the one that was stopped
	}
}

func TestCloseRefusesWhileBuffersLive(t *testing.T) {
	a, err := New(Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	b := a.Alloc(100)
	if err := a.Close(); err == nil || !strings.Contains(err.Error(), "1 buffers are live") {
		t.Errorf("Close with a live buffer: %v", err)
	}
	b.Release(nil)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestAvailability(t *testing.T) {
	a := newArena(t, 1<<20)
	var held []*iobuf.Buf
	for range 256 {
		held = append(held, a.Alloc(PageBytes))
	}
	for i, b := range held {
		if i%2 == 0 {
			b.Release(a) // every other page: half is free, nothing of 8 KiB
		}
	}
	s := a.Stats()
	if s.FreeBytes != 512<<10 || s.Availability(PageBytes) != 1 || s.Availability(1) != 1 || s.Availability(PageBytes+1) != 0 {
		t.Errorf("free %d, availability of a page %v, of two %v; want 524288, 1, 0", s.FreeBytes, s.Availability(PageBytes), s.Availability(PageBytes+1))
	}
	for i, b := range held {
		if i%2 == 1 {
			b.Release(a)
		}
	}
	a.flushQuick()
	if s = a.Stats(); s.Availability(1<<20) != 1 {
		t.Errorf("availability of the whole = %v, want 1", s.Availability(1<<20))
	}
	if empty := (Stats{}); empty.Availability(1) != 1 {
		t.Error("availability of nothing is not 1")
	}
}

func TestDump(t *testing.T) {
	a := newArena(t, 1<<20)
	b := a.Alloc(600)
	var out strings.Builder
	if err := a.Dump(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"total 1048576 used 4096 free 1044480", "span bytes", "        1024          1          1\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("dump lacks %q:\n%s", want, out.String())
		}
	}
	b.Release(a)
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	a := newArena(t, 8<<20)
	for _, n := range []int{512, 4096, 64 << 10, 128 << 10, 1 << 20} {
		round := func() {
			b, c := a.Alloc(n), a.Alloc(n)
			b.Release(a)
			c.Release(nil)
			a.Drain()
			a.Poll()
		}
		round()
		if got := testing.AllocsPerRun(1000, round); got != 0 {
			t.Errorf("a round of %d bytes allocates %v times on the Go heap, want 0", n, got)
		}
	}
}
