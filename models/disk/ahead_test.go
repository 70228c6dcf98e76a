package disk

import (
	"fmt"
	"strings"
	"testing"
)

// TestAhead writes what an appender would and prints what is prepared when.
func TestAhead(t *testing.T) {
	const kib = 1 << 10
	for _, c := range []struct {
		name          string
		write, writes int64 // of so many bytes, so many
		most, limit   int64
		want          string // from+bytes, KiB, z for zeros
	}{
		{"nothing before the first bytes are there", 4 * kib, 3, 64 * kib, 1 << 30, ""},
		{"steps double up to the most", 4 * kib, 40, 64 * kib, 1 << 30, "16+16z 32+32z 64+64z 128+64z"},
		{"large writes are only reserved, several at a time", 512 * kib, 6, 4096 * kib, 1 << 30, "512+512 1024+1024 2048+2048 4096+4096"},
		{"a file that is to end gets no more than that", 16 * kib, 16, 64 * kib, 240 * kib, "16+16z 32+32z 64+64z 128+64z 192+48z"},
	} {
		a, end, prepared := NewAhead(16*kib, c.most), int64(0), int64(0)
		var got []string
		for range c.writes {
			end += c.write
			a.Wrote(c.write, c.write)
			prepared = max(prepared, end)
			from, n, zeros := a.Next(end, prepared, c.limit)
			if n == 0 {
				continue
			}
			if from < end || from%Align != 0 || n%Align != 0 {
				t.Errorf("%s: prepares [%d, +%d) behind %d", c.name, from, n, end)
			}
			prepared = from + n
			got = append(got, fmt.Sprintf("%d+%d%s", from/kib, n/kib, map[bool]string{true: "z"}[zeros]))
		}
		if line := strings.Join(got, " "); line != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, line, c.want)
		}
	}
}

// TestAheadOfTheNextFile keeps what was learnt, within bounds, and one that was
// stopped begins again.
func TestAheadOfTheNextFile(t *testing.T) {
	a := NewAhead(16<<10, 32<<20)
	for range 20 {
		a.Wrote(16<<10, 16<<10)
		a.Next(1<<30, 0, 1<<40)
	}
	b := a.Follow()
	if _, n, zeros := b.Next(0, 0, 1<<40); n != rolledAhead || !zeros {
		t.Errorf("the next file begins with %d bytes (zeros %v), want %d", n, zeros, rolledAhead)
	}
	a.Stop()
	if _, n, _ := a.Next(1<<30, 0, 1<<40); n != 0 || !a.Stopped() {
		t.Errorf("stopped, it prepares %d bytes", n)
	}
	if b = a.Follow(); b.Stopped() {
		t.Error("a stop outlives its file")
	}
	var none Ahead
	if _, n, _ := none.Next(1<<20, 0, 1<<40); n != 0 {
		t.Errorf("the zero Ahead prepares %d bytes", n)
	}
}
