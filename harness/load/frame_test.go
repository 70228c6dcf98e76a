package load

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/workloads"
)

// decode takes a frame apart with franz-go's protocol code.
func decode(t *testing.T, frame []byte) (*kmsg.ProduceRequest, *kmsg.RecordBatch, []kmsg.Record, int32) {
	t.Helper()
	if got := int(binary.BigEndian.Uint32(frame)); got != len(frame)-4 {
		t.Fatalf("size: got %d, want %d", got, len(frame)-4)
	}
	if key := binary.BigEndian.Uint16(frame[4:]); key != 0 {
		t.Fatalf("key: got %d, want 0", key)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version = int16(binary.BigEndian.Uint16(frame[6:]))
	id := int(binary.BigEndian.Uint16(frame[12:]))
	if got := string(frame[14 : 14+id]); got != clientID {
		t.Fatalf("client id: got %q", got)
	}
	if err := req.ReadFrom(frame[14+id+1:]); err != nil {
		t.Fatal(err)
	}
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 {
		t.Fatalf("got topics %+v", req.Topics)
	}
	raw := req.Topics[0].Partitions[0].Records
	var b kmsg.RecordBatch
	if err := b.ReadFrom(raw); err != nil {
		t.Fatal(err)
	}
	if got, want := uint32(b.CRC), crc(raw[21:]); got != want {
		t.Errorf("CRC: got %#x, want %#x", got, want)
	}
	if got, want := int(b.Length), len(raw)-12; got != want {
		t.Errorf("length: got %d, want %d", got, want)
	}
	var records []kmsg.Record
	for rest := b.Records; len(rest) > 0; {
		n, size := binary.Varint(rest)
		var r kmsg.Record
		if err := r.ReadFrom(rest[:size+int(n)]); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
		rest = rest[size+int(n):]
	}
	return req, &b, records, int32(binary.BigEndian.Uint32(frame[8:]))
}

func TestFrames(t *testing.T) {
	for _, version := range []int16{9, 12} {
		for _, keys := range []string{workloads.None, workloads.Uniform} {
			for _, size := range []workloads.SizeLaw{{MedianBytes: 1024, MaxBytes: 1024}, {MedianBytes: 10, MaxBytes: 10}, {MedianBytes: 100, Sigma: 1, MaxBytes: 20000}} {
				w := testWorkload()
				w.Topics, w.RecordsPerBatch, w.Size, w.Acks = 2, 70, size, 1
				w.Keys.Kind = keys
				g, err := workloads.NewGenerator(w, 1, 100)
				if err != nil {
					t.Fatal(err)
				}
				e := newEncoder(g, version, []string{"a", "bcd"})
				if (e.templates != nil) != size.Fixed() {
					t.Fatalf("templates: %v for %+v", e.templates != nil, size)
				}
				prefix := []byte("before")
				for i := range int64(20) {
					s := send{index: i, partition: int(i % 8), correlation: int32(i + 7), stream: 3, sequence: uint64(1000 * i), intendedNs: 12345 + i, wallMs: 1790000000000 + i}
					out, values, stamped := e.append(prefix, &s)
					if !bytes.HasPrefix(out, prefix) {
						t.Fatal("what was in the buffer has gone")
					}
					checkFrame(t, e, out[len(prefix):], &s, values, stamped)
				}
			}
		}
	}
}

func checkFrame(t *testing.T, e *encoder, frame []byte, s *send, values, stamped int) {
	t.Helper()
	w := e.gen.W
	req, b, records, correlation := decode(t, frame)
	p := req.Topics[0].Partitions[0].Partition
	if req.Version != e.version || req.TransactionID != nil || req.Acks != w.Acks || req.TimeoutMillis != requestTimeoutMs ||
		req.Topics[0].Topic != e.topics[s.partition/w.Partitions] || int(p) != s.partition%w.Partitions || correlation != s.correlation {
		t.Errorf("request: got %+v, correlation id %d", req, correlation)
	}
	if b.Magic != 2 || b.Attributes != 0 || b.NumRecords != 70 || b.LastOffsetDelta != 69 || b.ProducerID != -1 || b.ProducerEpoch != -1 ||
		b.FirstSequence != -1 || b.PartitionLeaderEpoch != -1 || b.FirstTimestamp != s.wallMs || b.MaxTimestamp != s.wallMs || b.FirstOffset != 0 {
		t.Errorf("batch: got %+v", b)
	}
	if len(records) != 70 {
		t.Fatalf("got %d records, want 70", len(records))
	}
	total, sequence := 0, s.sequence
	for r, rec := range records {
		total += len(rec.Value)
		if len(rec.Value) != e.gen.Size(s.index, r) || int(rec.OffsetDelta) != r || rec.TimestampDelta64 != 0 || (rec.Key != nil) != keyed(w) {
			t.Errorf("record %d: got %d bytes at delta %d, key %v", r, len(rec.Value), rec.OffsetDelta, rec.Key)
		}
		if len(rec.Value) < headerBytes {
			continue
		}
		at, stream, seq, ok := unstamp(rec.Value)
		if !ok || at != s.intendedNs || stream != s.stream || seq != sequence {
			t.Errorf("record %d: stamp %d, stream %d, sequence %d, CRC %v, want %+v", r, at, stream, seq, ok, s)
		}
		sequence++
	}
	if total != values || sequence-s.sequence != uint64(stamped) {
		t.Errorf("got %d bytes and %d stamps, want %d and %d", values, stamped, total, sequence-s.sequence)
	}
}

func TestStampNoticesDamage(t *testing.T) {
	v := bytes.Repeat([]byte("x"), 64)
	stamp(v, tailCRC(v), -5, 4095, maxSequence)
	if at, stream, seq, ok := unstamp(v); !ok || at != -5 || stream != 4095 || seq != maxSequence {
		t.Errorf("got %d, %d, %d, %v", at, stream, seq, ok)
	}
	for i := range v {
		v[i] ^= 1
		if _, _, _, ok := unstamp(v); ok {
			t.Errorf("a flipped bit in byte %d went unnoticed", i)
		}
		v[i] ^= 1
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	w := testWorkload()
	w.Size = workloads.SizeLaw{MedianBytes: 300, Sigma: 0.5, MaxBytes: 1000}
	for range 2 {
		g, _ := workloads.NewGenerator(w, 1, 0)
		e := newEncoder(g, 12, []string{"t"})
		buf := make([]byte, 0, 1<<16)
		s := send{}
		e.append(buf, &s)
		if n := testing.AllocsPerRun(100, func() {
			s.index = 5
			e.append(buf, &s)
		}); n != 0 {
			t.Errorf("%+v: %g allocations a frame", w.Size, n)
		}
		w.Size = workloads.SizeLaw{MedianBytes: 300, MaxBytes: 300}
	}
}

func TestVarintLen(t *testing.T) {
	for _, v := range []int64{0, -1, 63, 64, -64, -65, 8191, 8192, 1 << 40, -1 << 63} {
		if got, want := varintLen(v), len(binary.AppendVarint(nil, v)); got != want {
			t.Errorf("%d: got %d, want %d", v, got, want)
		}
	}
}

func BenchmarkEncode1KiB(b *testing.B) {
	w := testWorkload()
	w.RecordsPerBatch, w.Size = 1, workloads.SizeLaw{MedianBytes: 1024, MaxBytes: 1024}
	g, _ := workloads.NewGenerator(w, 1, 0)
	e := newEncoder(g, 12, []string{"t"})
	buf := make([]byte, 0, 1<<16)
	b.ReportAllocs()
	for b.Loop() {
		e.append(buf, &send{})
	}
}
