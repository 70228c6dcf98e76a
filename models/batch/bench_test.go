package batch

import "testing"

func benchBatch(size, total, codec int) []byte {
	b := NewBuilder(0, codec)
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(i * 31)
	}
	for b.Len() < total {
		b.Append(int64(b.Count()), nil, value)
	}
	return b.Close()
}

func BenchmarkChecksum16KiB(b *testing.B) {
	raw := benchBatch(1024, 16<<10, CodecNone)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Checksum(raw)
	}
}

func benchmarkWalk(b *testing.B, size, codec int) {
	raw := benchBatch(size, 16<<10, codec)
	var h Header
	var v Validator
	if err := Parse(raw, &h); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(16 << 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, code := v.Walk(raw, &h); code != 0 {
			b.Fatal(code)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(h.Count), "ns/record")
}

func BenchmarkWalk16KiBOf100B(b *testing.B) { benchmarkWalk(b, 100, CodecNone) }
func BenchmarkWalk16KiBOf1KiB(b *testing.B) { benchmarkWalk(b, 1024, CodecNone) }
func BenchmarkWalk16KiBGzip(b *testing.B)   { benchmarkWalk(b, 100, CodecGzip) }
func BenchmarkWalk16KiBSnappy(b *testing.B) { benchmarkWalk(b, 100, CodecSnappy) }
func BenchmarkWalk16KiBLz4(b *testing.B)    { benchmarkWalk(b, 100, CodecLz4) }
func BenchmarkWalk16KiBZstd(b *testing.B)   { benchmarkWalk(b, 100, CodecZstd) }

func BenchmarkBuild16KiBOf100B(b *testing.B) {
	bld := NewBuilder(0, CodecNone)
	value := make([]byte, 100)
	b.SetBytes(16 << 10)
	b.ReportAllocs()
	for b.Loop() {
		bld.Reset(0)
		for bld.Len() < 16<<10 {
			bld.Append(1, nil, value)
		}
		bld.Close()
	}
}
