package batch

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kerr"
)

// raw makes a batch around hand-written records.
func rawBatch(count int32, codec int, records []byte) []byte {
	b := build(NewBuilder(0, CodecNone), sample[:1])
	binary.BigEndian.PutUint32(b[57:], uint32(count))
	binary.BigEndian.PutUint32(b[23:], uint32(count-1))
	return reframe(b, records, codec)
}

// rec makes one record from its fields as bytes, with the right length.
func rec(fields ...byte) []byte { return append(appendVarint(nil, int64(len(fields))), fields...) }

func join(p ...[]byte) []byte { return bytes.Join(p, nil) }

func TestWalkRefuses(t *testing.T) {
	// The bytes are: attributes, Δts, Δoffset, key length, value length, headers.
	ok := rec(0, 0, 0, 1, 1, 0)
	for _, c := range []struct {
		name    string
		count   int32
		records []byte
		why     string
		record  int32
	}{
		{"good", 1, ok, "", -1},
		{"nulls below -1, as Kafka reads them", 1, rec(0, 0, 0, 3, 5, 0), "", -1},
		{"fewer than stated", 2, ok, "record length is not a varint", 1},
		{"more than stated", 1, join(ok, rec(0, 0, 2, 1, 1, 0)), "bytes follow the last record stated", -1},
		{"trailing byte", 1, join(ok, []byte{0}), "bytes follow the last record stated", -1},
		{"no bytes", 1, nil, "record length is not a varint", 0},
		{"length 0", 1, []byte{0}, "record is longer than the batch", 0},
		{"length negative", 1, []byte{1}, "record is longer than the batch", 0},
		{"length past the end", 1, []byte{0x10, 0, 0, 0}, "record is longer than the batch", 0},
		{"length above int32", 1, []byte{0x80, 0x80, 0x80, 0x80, 0x7f, 0}, "record length is not a varint", 0},
		{"length never ends", 1, bytes.Repeat([]byte{0x80}, 20), "record length is not a varint", 0},
		{"only attributes", 1, rec(0), "record ends inside its head", 0},
		{"timestamp cut", 1, rec(0, 0x80), "record ends inside its head", 0},
		{"timestamp of 11 bytes", 1, rec(0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 1, 1, 0), "record ends inside its head", 0},
		{"timestamp above int64", 1, rec(0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2, 0, 1, 1, 0), "record ends inside its head", 0},
		{"first offset 1", 1, rec(0, 0, 2, 1, 1, 0), "offset delta is not the record's position", 0},
		{"offset negative", 1, rec(0, 0, 1, 1, 1, 0), "offset delta is not the record's position", 0},
		{"offset repeated", 2, join(ok, ok), "offset delta is not the record's position", 1},
		{"offset skipped", 2, join(ok, rec(0, 0, 4, 1, 1, 0)), "offset delta is not the record's position", 1},
		{"no key", 1, rec(0, 0, 0), "key or value is longer than its record", 0},
		{"key too long", 1, rec(0, 0, 0, 8, 1, 0), "key or value is longer than its record", 0},
		{"no value", 1, rec(0, 0, 0, 1), "key or value is longer than its record", 0},
		{"value too long", 1, rec(0, 0, 0, 1, 4, 0), "key or value is longer than its record", 0},
		{"value length above int32", 1, rec(0, 0, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x70, 0), "key or value is longer than its record", 0},
		{"no header count", 1, rec(0, 0, 0, 1, 1), "count of headers is out of range", 0},
		{"negative header count", 1, rec(0, 0, 0, 1, 1, 1), "count of headers is out of range", 0},
		{"absurd header count", 1, rec(0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f), "count of headers is out of range", 0},
		{"header missing", 1, rec(0, 0, 0, 1, 1, 2, 0), "headers do not end where the record does", 0},
		{"header key null", 1, rec(0, 0, 0, 1, 1, 2, 1, 1), "headers do not end where the record does", 0},
		{"header value null", 1, rec(0, 0, 0, 1, 1, 2, 0, 1), "", -1},
		{"header value too long", 1, rec(0, 0, 0, 1, 1, 2, 0, 6), "headers do not end where the record does", 0},
		{"byte after the headers", 1, rec(0, 0, 0, 1, 1, 0, 0), "headers do not end where the record does", 0},
	} {
		for codec, name := range codecNames {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				var comp compressor
				records := c.records
				if codec != CodecNone {
					records = comp.append(nil, records, codec, false)
				}
				b := rawBatch(c.count, codec, records)
				var v Validator
				var h Header
				if code, why := CheckWhy(b, &h, math.MaxInt32); code != 0 {
					t.Fatalf("check: %d %s", code, why)
				}
				_, _, code := v.Walk(b, &h)
				want := int16(0)
				if c.why != "" {
					want = kerr.InvalidRecord.Code
				}
				why, n := v.Why()
				if code != want || why != c.why || n != c.record {
					t.Fatalf("got code %d, %q in record %d; want %d, %q in %d", code, why, n, want, c.why, c.record)
				}
			})
		}
	}
}

func TestWalkTimestamps(t *testing.T) {
	for _, c := range []struct {
		name  string
		ts    []int64
		max   int64
		delta int32
	}{
		{"first of two equal", []int64{5, 9, 9, 3}, 9, 1},
		{"falling", []int64{9, 8, 7}, 9, 0},
		{"rising", []int64{7, 8, 9}, 9, 2},
		{"none", []int64{-1, -1}, -1, 0},
		{"extremes", []int64{0, math.MaxInt64, 1}, math.MaxInt64, 1},
	} {
		b := NewBuilder(0, CodecNone)
		for _, ts := range c.ts {
			b.Append(ts, nil, []byte("v"))
		}
		raw := b.Close()
		var h Header
		var v Validator
		if err := Intact(raw, &h); err != nil {
			t.Fatal(err)
		}
		ts, delta, code := v.Walk(raw, &h)
		if ts != c.max || delta != c.delta || code != 0 || h.MaxTimestamp != c.max {
			t.Errorf("%s: got %d at %d (code %d, header %d), want %d at %d", c.name, ts, delta, code, h.MaxTimestamp, c.max, c.delta)
		}
		SetMaxTimestamp(raw, LogAppendTime, 77)
		_ = Parse(raw, &h)
		if ts, delta, code = v.Walk(raw, &h); ts != 77 || delta != 0 || code != 0 {
			t.Errorf("%s with append time: got %d at %d, code %d", c.name, ts, delta, code)
		}
	}
}

func TestWalkBoundsDecompression(t *testing.T) {
	const limit = 1 << 20
	for codec := CodecGzip; codec <= CodecZstd; codec++ {
		for _, raw := range []bool{false, true} {
			b := NewBuilder(0, codec)
			b.RawSnappy = raw
			b.Append(1, nil, make([]byte, limit-100))
			fits := bytes.Clone(b.Close())
			b.Reset(0)
			b.Append(1, nil, make([]byte, limit))
			bomb := bytes.Clone(b.Close())

			v := Validator{MaxDecompressed: limit}
			for _, c := range []struct {
				batch []byte
				why   string
			}{{fits, ""}, {bomb, whyBomb}, {fits, ""}} {
				var h Header
				_ = Parse(c.batch, &h)
				_, _, code := v.Walk(c.batch, &h)
				if why, _ := v.Why(); why != c.why || (code == 0) != (c.why == "") {
					t.Fatalf("%s raw=%v: code %d, %q; want %q", codecNames[codec], raw, code, why, c.why)
				}
			}
		}
	}
}

// TestSnappyClaimsAreNotBelieved: 5 bytes that claim 4 GiB must not cost memory.
func TestSnappyClaimsAreNotBelieved(t *testing.T) {
	claim := []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}
	framed := append(append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 6), claim...)
	for _, blob := range [][]byte{claim, framed} {
		b := rawBatch(1, CodecSnappy, blob)
		var h Header
		var v Validator
		_ = Parse(b, &h)
		if _, _, code := v.Walk(b, &h); code != kerr.InvalidRecord.Code || cap(v.codecs.scratch) > 1<<20 {
			t.Fatalf("code %d, %d bytes kept", code, cap(v.codecs.scratch))
		}
	}
}

func TestWalkRefusesBrokenPayloads(t *testing.T) {
	body := build(NewBuilder(0, CodecNone), sample)[HeaderLen:]
	var c compressor
	var v Validator
	for codec := CodecGzip; codec <= CodecZstd; codec++ {
		whole := c.append(nil, body, codec, false)
		for name, blob := range map[string][]byte{
			"empty": nil, "cut": whole[:len(whole)/2], "noise": []byte("this was never compressed"),
			"cut at the end": whole[:len(whole)-1],
		} {
			b := rawBatch(int32(len(sample)), codec, blob)
			var h Header
			_ = Parse(b, &h)
			if _, _, code := v.Walk(b, &h); code != kerr.InvalidRecord.Code {
				t.Errorf("%s %s: code %d", codecNames[codec], name, code)
			}
		}
		// The decoder works again after failing.
		b := rawBatch(int32(len(sample)), codec, whole)
		var h Header
		_ = Parse(b, &h)
		if _, _, code := v.Walk(b, &h); code != 0 {
			why, _ := v.Why()
			t.Errorf("%s after failures: code %d, %s", codecNames[codec], code, why)
		}
	}
	if _, err := s2.DecodedLen(nil); err == nil {
		t.Error("an empty snappy block has a length")
	}
}

func TestWalkIsSafeWithoutCheck(t *testing.T) {
	b := build(NewBuilder(0, CodecNone), sample)
	var h Header
	var v Validator
	_ = Parse(b, &h)
	if _, _, code := v.Walk(b[:len(b)-1], &h); code != kerr.InvalidRecord.Code {
		t.Fatalf("batch shorter than its header says: code %d", code)
	}
	h.Attributes = 6
	if _, _, code := v.Walk(b, &h); code != kerr.UnsupportedCompressionType.Code {
		t.Fatalf("codec 6: code %d", code)
	}
}

func TestHotPathAllocatesNothing(t *testing.T) {
	b := build(NewBuilder(0, CodecNone), sample)
	bad := rawBatch(2, CodecNone, rec(0, 0, 0, 1, 1, 0))
	var h Header
	var v Validator
	if n := testing.AllocsPerRun(100, func() {
		Check(b, &h, 1<<20)
		v.Walk(b, &h)
		SetMaxTimestamp(b, CreateTime, 3)
		SetOffsets(b, 0, 1)
		Check(bad, &h, 1<<20)
		v.Walk(bad, &h)
	}); n != 0 {
		t.Fatalf("checking a batch: %v allocations", n)
	}
	bld := NewBuilder(0, CodecNone)
	key, value := make([]byte, 8), make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		bld.Reset(0)
		for range 20 {
			bld.Append(5, key, value)
		}
		bld.Close()
	}); n != 0 {
		t.Fatalf("building a batch: %v allocations", n)
	}
}
