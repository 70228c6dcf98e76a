package batch

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// xerialBlock is how much Java's snappy stream puts into a block, bytes.
const xerialBlock = 32 << 10

// compressor holds one encoder of each codec, made when first needed. A broker
// compresses nothing but what compaction rewrites.
type compressor struct {
	sink sink
	gzip *gzip.Writer
	lz4  *lz4.Writer
	zstd *zstd.Encoder
}

// sink is a writer onto the end of a slice.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// append adds the compressed src to dst. Errors can only be a programmer's: the
// sink takes everything.
func (c *compressor) append(dst, src []byte, codec int, rawSnappy bool) []byte {
	switch codec {
	case CodecGzip:
		c.sink.b = dst
		if c.gzip == nil {
			c.gzip = gzip.NewWriter(&c.sink)
		}
		c.gzip.Reset(&c.sink)
		must(c.gzip.Write(src))
		must(0, c.gzip.Close())
		return c.sink.b
	case CodecSnappy:
		if rawSnappy {
			return appendSnappy(dst, src)
		}
		dst = append(dst, xerialMagic...)
		dst = append(dst, 0, 0, 0, 1, 0, 0, 0, 1) // version, lowest compatible version
		for block := range slices.Chunk(src, xerialBlock) {
			at := len(dst)
			dst = appendSnappy(append(dst, 0, 0, 0, 0), block)
			binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
		return dst
	case CodecLz4:
		c.sink.b = dst
		if c.lz4 == nil {
			c.lz4 = lz4.NewWriter(&c.sink)
		}
		c.lz4.Reset(&c.sink)
		must(c.lz4.Write(src))
		must(0, c.lz4.Close())
		return c.sink.b
	case CodecZstd:
		if c.zstd == nil {
			z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
			must(0, err)
			c.zstd = z
		}
		return c.zstd.EncodeAll(src, dst)
	}
	panic(fmt.Sprintf("batch: codec: got %d, want %d to %d", codec, CodecNone, CodecZstd))
}

func appendSnappy(dst, src []byte) []byte {
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(src)))
	n := len(s2.EncodeSnappy(dst[len(dst):cap(dst)], src))
	return dst[:len(dst)+n]
}

func must(_ int, err error) {
	if err != nil {
		panic("batch: compressing into memory: " + err.Error())
	}
}
