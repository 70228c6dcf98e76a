package batch

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestCheck(t *testing.T) {
	good := func() []byte { return build(NewBuilder(0, CodecNone), sample) }
	set := func(at int, bytes ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], bytes); return seal(b) }
	}
	producer := func(id int64, epoch int16, seq int32) func([]byte) []byte {
		return func(b []byte) []byte {
			binary.BigEndian.PutUint64(b[43:], uint64(id))
			binary.BigEndian.PutUint16(b[51:], uint16(epoch))
			binary.BigEndian.PutUint32(b[53:], uint32(seq))
			return seal(b)
		}
	}
	for _, c := range []struct {
		name string
		edit func([]byte) []byte
		want *kerr.Error
		why  string
	}{
		{"good", func(b []byte) []byte { return b }, nil, ""},
		{"idempotent", producer(0, 0, 0), nil, ""},
		{"empty", func([]byte) []byte { return nil }, kerr.InvalidRecord, "no record batch"},
		{"16 bytes", func(b []byte) []byte { return b[:16] }, kerr.InvalidRecord, "no record batch"},
		{"only a header's start", func(b []byte) []byte { return b[:40] }, kerr.InvalidRecord, "batch is truncated"},
		{"one byte short", func(b []byte) []byte { return b[:len(b)-1] }, kerr.InvalidRecord, "batch is truncated"},
		{"one byte more", func(b []byte) []byte { return append(b, 0) }, kerr.InvalidRecord, "more than one batch for a partition"},
		{"two batches", func(b []byte) []byte { return append(b, b...) }, kerr.InvalidRecord, "more than one batch for a partition"},
		{"length 13", set(8, 0, 0, 0, 13), kerr.CorruptMessage, "length field below that of any batch"},
		{"length negative", set(8, 0x80, 0, 0, 0), kerr.CorruptMessage, "length field below that of any batch"},
		{"length of a bare v2 message", func(b []byte) []byte { b[11], b[10] = 20, 0; return b[:32] }, kerr.CorruptMessage, "batch is shorter than its header"},
		{"magic 0", set(16, 0), kerr.InvalidRecord, "magic is not 2"},
		{"magic 1", set(16, 1), kerr.InvalidRecord, "magic is not 2"},
		{"magic 3", set(16, 3), kerr.InvalidRecord, "magic is not 2"},
		{"base offset", set(7, 1), kerr.InvalidRecord, "base offset of a produced batch is not 0"},
		{"flipped bit", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, kerr.CorruptMessage, "CRC-32C does not match"},
		{"codec 5", set(22, 5), kerr.UnsupportedCompressionType, "compression codec is unknown"},
		{"codec 7", set(22, 7), kerr.UnsupportedCompressionType, "compression codec is unknown"},
		{"count 0", set(57, 0, 0, 0, 0), kerr.InvalidRecord, "batch states no records"},
		{"count negative", set(57, 0xff, 0xff, 0xff, 0xff), kerr.InvalidRecord, "batch states no records"},
		{"last offset delta", set(23, 0, 0, 0, 4), kerr.InvalidRecord, "last offset delta is not the record count less one"},
		{"control", set(22, controlBit), kerr.InvalidRecord, "clients may not write control batches"},
		{"producer without sequence", producer(5, 0, -1), kerr.InvalidRecord, "producer id without epoch or sequence"},
		{"producer without epoch", producer(5, -1, 0), kerr.InvalidRecord, "producer id without epoch or sequence"},
		{"transaction without producer", set(22, transactionalBit), kerr.InvalidRecord, "transactional batch without a producer id"},
		{"append time", set(22, logAppendTimeBit), kerr.InvalidTimestamp, "clients may not claim log append time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := c.edit(good())
			var h Header
			code, why := CheckWhy(b, &h, math.MaxInt32)
			if want := codeOf(c.want); code != want || why != c.why {
				t.Fatalf("got code %d, %q; want %d, %q", code, why, want, c.why)
			}
			if Check(b, &h, math.MaxInt32) != code {
				t.Fatal("Check and CheckWhy disagree")
			}
		})
	}
}

func codeOf(e *kerr.Error) int16 {
	if e == nil {
		return 0
	}
	return e.Code
}

func TestCheckSize(t *testing.T) {
	b := build(NewBuilder(0, CodecNone), sample)
	var h Header
	if code := Check(b, &h, len(b)); code != 0 {
		t.Fatalf("at the limit: code %d", code)
	}
	if code := Check(b, &h, len(b)-1); code != kerr.MessageTooLarge.Code {
		t.Fatalf("one byte above the limit: code %d", code)
	}
}

func TestIntact(t *testing.T) {
	b := build(NewBuilder(77, CodecLz4), sample)
	var h Header
	if err := Intact(append(bytes.Clone(b), 1, 2, 3), &h); err != nil || h.BaseOffset != 77 {
		t.Fatalf("a stored batch with something behind it: %v, base %d", err, h.BaseOffset)
	}
	for n := range len(b) {
		if err := Intact(b[:n], &h); err != ErrShort {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	for i := crcStart; i < len(b); i++ {
		b[i] ^= 0x10
		if err := Intact(b, &h); err != ErrChecksum {
			t.Fatalf("bit flipped in byte %d: %v", i, err)
		}
		b[i] ^= 0x10
	}
	if err := Intact(make([]byte, 4096), &h); err != ErrMagic {
		t.Fatalf("zeros: %v", err)
	}
	b[8], b[9], b[10], b[11] = 0xff, 0xff, 0xff, 0xff
	if err := Intact(b, &h); err != ErrLength {
		t.Fatalf("negative length: %v", err)
	}
}

func TestSetOffsets(t *testing.T) {
	b := build(NewBuilder(0, CodecNone), sample)
	SetOffsets(b, 1<<33+5, 6)
	var h Header
	if err := Intact(b, &h); err != nil || h.BaseOffset != 1<<33+5 || h.LeaderEpoch != 6 {
		t.Fatalf("%v: %+v", err, h)
	}
}

func TestSetMaxTimestamp(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    int
		ms      int64
		changes bool
	}{
		{"truth", CreateTime, 1_700_000_000_500, false},
		{"a lie put right", CreateTime, 5, true},
		{"none", CreateTime, -1, true},
		{"append time", LogAppendTime, 1_800_000_000_000, true},
		{"append time equal to the maximum", LogAppendTime, 1_700_000_000_500, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := build(NewBuilder(9, CodecNone), sample)
			was := bytes.Clone(b)
			SetMaxTimestamp(b, c.kind, c.ms)
			var h Header
			if err := Intact(b, &h); err != nil {
				t.Fatal(err)
			}
			if h.MaxTimestamp != c.ms || h.TimestampType() != c.kind || bytes.Equal(was, b) == c.changes {
				t.Fatalf("max %d type %d, changed %v", h.MaxTimestamp, h.TimestampType(), !bytes.Equal(was, b))
			}
			SetMaxTimestamp(b, CreateTime, 1_700_000_000_500)
			if !bytes.Equal(was, b) {
				t.Fatal("setting it back does not give the batch back")
			}
		})
	}
}
