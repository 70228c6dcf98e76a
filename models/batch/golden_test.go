package batch

import (
	"bytes"
	"encoding/hex"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// record is what the tests put into batches, in this package's terms.
type record struct {
	ts         int64
	key, value []byte
	headers    []RecordHeader
}

var sample = []record{
	{ts: 1_700_000_000_000, key: []byte("k"), value: []byte("value")},
	{ts: 1_700_000_000_500, value: []byte{}},
	{ts: 1_699_999_999_000, key: []byte{}, headers: []RecordHeader{{Key: "h", Value: []byte("x")}, {Key: ""}}},
	{ts: 1_700_000_000_500, key: bytes.Repeat([]byte("long"), 100), value: bytes.Repeat([]byte{0xff, 0}, 5000)},
}

func build(b *Builder, records []record) []byte {
	for _, r := range records {
		b.Append(r.ts, r.key, r.value, r.headers...)
	}
	return bytes.Clone(b.Close())
}

// kmsgBatch encodes the same records with franz-go's message types.
func kmsgBatch(base int64, records []record) []byte {
	var body []byte
	maxTs := int64(-1)
	for i, r := range records {
		k := kmsg.Record{TimestampDelta64: r.ts - records[0].ts, OffsetDelta: int32(i), Key: r.key, Value: r.value}
		for _, h := range r.headers {
			k.Headers = append(k.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		// The length field counts what follows it; a length of 0 takes one byte.
		k.Length = int32(len(k.AppendTo(nil)) - 1)
		body = k.AppendTo(body)
		maxTs = max(maxTs, r.ts)
	}
	rb := kmsg.RecordBatch{
		FirstOffset: base, Length: int32(HeaderLen - 12 + len(body)), PartitionLeaderEpoch: -1, Magic: 2,
		LastOffsetDelta: int32(len(records) - 1), FirstTimestamp: records[0].ts, MaxTimestamp: maxTs,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(records)), Records: body,
	}
	out := rb.AppendTo(nil)
	rb.CRC = int32(crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli)))
	return rb.AppendTo(nil)
}

func TestBuilderWritesWhatKmsgWrites(t *testing.T) {
	got, want := build(NewBuilder(42, CodecNone), sample), kmsgBatch(42, sample)
	if !bytes.Equal(got, want) {
		t.Fatalf("builder and kmsg differ:\n%s", cmp.Diff(hex.Dump(want), hex.Dump(got)))
	}
}

// TestGoldenBytes pins one small batch byte by byte, so that a mistake shared by
// the builder and its readers cannot pass.
func TestGoldenBytes(t *testing.T) {
	b := NewBuilder(0, CodecNone)
	b.LeaderEpoch, b.ProducerID, b.ProducerEpoch, b.BaseSequence = 7, 9, 1, 3
	got := hex.EncodeToString(build(b, []record{{ts: 1000, key: []byte("a"), value: []byte("b")}}))
	want := "0000000000000000" + "0000003a" + "00000007" + "02" + "ebd63b1a" + "0000" + "00000000" +
		"00000000000003e8" + "00000000000003e8" + "0000000000000009" + "0001" + "00000003" + "00000001" +
		"10" + "00" + "00" + "00" + "0261" + "0262" + "00"
	if got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestParseReadsWhatKmsgReads(t *testing.T) {
	b := NewBuilder(1<<40, CodecZstd)
	b.LeaderEpoch, b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = 7, 99, 3, 12, true
	raw := build(b, sample)
	var h Header
	if err := Parse(raw, &h); err != nil {
		t.Fatal(err)
	}
	var k kmsg.RecordBatch
	if err := k.ReadFrom(raw); err != nil {
		t.Fatal(err)
	}
	want := Header{
		BaseOffset: k.FirstOffset, Length: k.Length, LeaderEpoch: k.PartitionLeaderEpoch, Magic: k.Magic, CRC: uint32(k.CRC),
		Attributes: k.Attributes, LastOffsetDelta: k.LastOffsetDelta, BaseTimestamp: k.FirstTimestamp, MaxTimestamp: k.MaxTimestamp,
		ProducerID: k.ProducerID, ProducerEpoch: k.ProducerEpoch, BaseSequence: k.FirstSequence, Count: k.NumRecords,
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Fatal(diff)
	}
	if h.Codec() != CodecZstd || !h.IsTransactional() || h.IsControl() || h.TotalLen() != len(raw) || h.LastOffset() != 1<<40+3 || !h.HasProducer() {
		t.Fatalf("views of %+v are wrong", h)
	}
}

var codecNames = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// TestFranzReadsTheBuilder lets franz-go's consumer decode our batches, with
// its CRC check on.
func TestFranzReadsTheBuilder(t *testing.T) {
	for codec, name := range codecNames {
		for _, raw := range []bool{false, true} {
			if raw && codec != CodecSnappy {
				continue
			}
			b := NewBuilder(100, codec)
			b.RawSnappy = raw
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.HighWatermark, rp.LastStableOffset = 1000, 1000
			rp.RecordBatches = build(b, sample)
			fp, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: 100, Topic: "t"}, &rp, kgo.DefaultDecompressor(), nil)
			if fp.Err != nil || len(fp.Records) != len(sample) || next != 104 {
				t.Fatalf("%s raw=%v: err %v, %d records, next offset %d", name, raw, fp.Err, len(fp.Records), next)
			}
			for i, r := range fp.Records {
				s := sample[i]
				if r.Timestamp.UnixMilli() != s.ts || !same(r.Key, s.key) || !same(r.Value, s.value) ||
					len(r.Headers) != len(s.headers) || r.Offset != int64(100+i) {
					t.Fatalf("%s: record %d: got %+v, want %+v", name, i, r, s)
				}
				for j, h := range r.Headers {
					if h.Key != s.headers[j].Key || !same(h.Value, s.headers[j].Value) {
						t.Fatalf("%s: record %d header %d: got %+v", name, i, j, h)
					}
				}
			}
		}
	}
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// TestWalkReadsWhatFranzCompresses feeds the validator with what franz-go's
// producer makes of the same records.
func TestWalkReadsWhatFranzCompresses(t *testing.T) {
	plain := kmsgBatch(0, sample)
	codecs := []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	}
	var v Validator
	for codec, name := range codecNames {
		records := plain[HeaderLen:]
		if codec != CodecNone {
			c, err := kgo.DefaultCompressor(codecs[codec])
			if err != nil {
				t.Fatal(err)
			}
			compressed, used := c.Compress(new(bytes.Buffer), records)
			if int(used) != codec {
				t.Fatalf("%s: compressed with codec %d", name, used)
			}
			records = compressed
		}
		raw := reframe(plain, records, codec)
		var h Header
		if code, why := CheckWhy(raw, &h, 1<<20); code != 0 {
			t.Fatalf("%s: check: code %d: %s", name, code, why)
		}
		for range 2 { // twice: the decoders are reused
			ts, delta, code := v.Walk(raw, &h)
			if ts != 1_700_000_000_500 || delta != 1 || code != 0 {
				why, n := v.Why()
				t.Fatalf("%s: walk: ts %d delta %d code %d (%s, record %d)", name, ts, delta, code, why, n)
			}
		}
	}
}

// reframe puts other records behind a batch's header and closes it again.
func reframe(batch, records []byte, codec int) []byte {
	raw := append(bytes.Clone(batch[:HeaderLen]), records...)
	raw[22] = raw[22]&^codecMask | byte(codec)
	n := len(raw) - 12
	raw[8], raw[9], raw[10], raw[11] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return seal(raw)
}

// seal computes the CRC anew, so that a test gets past it.
func seal(raw []byte) []byte {
	c := Checksum(raw)
	raw[17], raw[18], raw[19], raw[20] = byte(c>>24), byte(c>>16), byte(c>>8), byte(c)
	return raw
}
