package batch

import (
	"bytes"
	"testing"
)

// FuzzBatch feeds anything to Parse, Check, Intact and Walk. They may refuse
// but not panic, not write, and not look behind the slice: the bytes stand at
// the very end of their memory, with none to spare. What passes must hold what
// the packages above rely on.
func FuzzBatch(f *testing.F) {
	for codec := range codecNames {
		f.Add(build(NewBuilder(0, codec), sample), false)
		f.Add(build(NewBuilder(0, codec), sample[:1]), true)
	}
	f.Add([]byte{}, true)
	f.Add(make([]byte, HeaderLen), true)
	f.Fuzz(func(t *testing.T, in []byte, resum bool) {
		b := bytes.Clone(in)
		b = b[:len(b):len(b)]
		if resum && len(b) >= HeaderLen {
			// Most mutations die at the length and the CRC; these go deeper.
			b = reframe(b, b[HeaderLen:], int(b[22]&codecMask))
		}
		was := bytes.Clone(b)
		v := Validator{MaxDecompressed: 1 << 20}
		var h Header
		if err := Parse(b, &h); err == nil && h.TotalLen() < HeaderLen {
			t.Fatalf("parsed a batch of %d bytes", h.TotalLen())
		}
		v.Walk(b, &h)
		_ = Intact(b, &h)
		if Check(b, &h, 1<<20) == 0 {
			ts, delta, code := v.Walk(b, &h)
			if code == 0 && (delta < 0 || delta >= h.Count || ts < -1) {
				t.Fatalf("maximum %d in record %d of %d", ts, delta, h.Count)
			}
			if h.TotalLen() != len(b) || h.LastOffset() != int64(h.Count-1) {
				t.Fatalf("accepted %+v in %d bytes", h, len(b))
			}
		}
		if !bytes.Equal(was, b) {
			t.Fatal("checking changed the batch")
		}
	})
}

// FuzzBuilder: whatever is appended, the batch checks, walks and tells the truth.
func FuzzBuilder(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), int64(1000), int64(-5), uint8(0), "header")
	f.Add([]byte(nil), []byte{}, int64(0), int64(1<<62), uint8(4), "")
	f.Fuzz(func(t *testing.T, key, value []byte, ts, step int64, codec uint8, header string) {
		b := NewBuilder(0, int(codec%5))
		ts &= 1<<62 - 1 // timestamps are not negative and deltas do not overflow
		b.Append(ts, key, value)
		second := (ts + step&(1<<61-1)) & (1<<62 - 1)
		b.Append(second, value, key, RecordHeader{Key: header, Value: key})
		raw := b.Close()
		var h Header
		var v Validator
		if code, why := CheckWhy(raw, &h, len(raw)); code != 0 {
			t.Fatalf("check: %d %s", code, why)
		}
		got, delta, code := v.Walk(raw, &h)
		if want := max(ts, second); code != 0 || got != want || h.MaxTimestamp != want || (delta == 1) != (second > ts) {
			why, n := v.Why()
			t.Fatalf("code %d (%s in %d), max %d at %d, header %d, want %d", code, why, n, got, delta, h.MaxTimestamp, want)
		}
	})
}
