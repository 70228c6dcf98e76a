package batch

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// keepScratch is how much decompression memory a thread keeps between batches.
// Larger results go back to the collector, so that one unusual producer does
// not pin memory on every thread.
const keepScratch = 4 << 20

// xerialMagic starts snappy as Java frames it: this, two int32 versions, then
// blocks of {int32 length, raw snappy}. Other clients send one raw block.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderLen = 16

const (
	whyBomb    = "batch decompresses to more than the limit"
	whyPayload = "compressed records do not decompress"
)

// decompressor holds one decoder of each codec, made when first needed.
type decompressor struct {
	scratch []byte
	src     bytes.Reader
	gzip    *gzip.Reader
	lz4     *lz4.Reader
	zstd    *zstd.Decoder
	zstdMax int
}

// decompress returns src decompressed, valid until the next call. On failure it
// returns the reason.
func (d *decompressor) decompress(src []byte, codec, limit int) (out []byte, why string) {
	if cap(d.scratch) > keepScratch {
		d.scratch = nil
	}
	switch codec {
	case CodecGzip:
		out, why = d.gunzip(src, limit)
	case CodecSnappy:
		out, why = d.unsnappy(src, limit)
	case CodecLz4:
		out, why = d.unlz4(src, limit)
	default:
		out, why = d.unzstd(src, limit)
	}
	if cap(out) > cap(d.scratch) {
		d.scratch = out[:0]
	}
	d.src.Reset(nil)
	return out, why
}

func (d *decompressor) gunzip(src []byte, limit int) ([]byte, string) {
	d.src.Reset(src)
	if d.gzip == nil {
		d.gzip = new(gzip.Reader)
	}
	if d.gzip.Reset(&d.src) != nil {
		return nil, whyPayload
	}
	return d.drain(d.gzip, limit)
}

func (d *decompressor) unlz4(src []byte, limit int) ([]byte, string) {
	d.src.Reset(src)
	if d.lz4 == nil {
		d.lz4 = lz4.NewReader(&d.src)
	} else {
		d.lz4.Reset(&d.src)
	}
	return d.drain(d.lz4, limit)
}

// drain reads r to its end, into the scratch buffer.
func (d *decompressor) drain(r io.Reader, limit int) ([]byte, string) {
	out := d.scratch[:0]
	for {
		if len(out) > limit {
			return out, whyBomb
		}
		if len(out) == cap(out) {
			grown := make([]byte, len(out), max(2*cap(out), 64<<10))
			copy(grown, out)
			out = grown
		}
		// Never more than one byte past the limit, however large the buffer is.
		n, err := r.Read(out[len(out):min(cap(out), limit+1)])
		out = out[:len(out)+n]
		if err == io.EOF {
			if len(out) > limit {
				return out, whyBomb
			}
			if d.src.Len() > 0 {
				return out, whyPayload
			}
			return out, ""
		}
		if err != nil {
			return out, whyPayload
		}
	}
}

func (d *decompressor) unzstd(src []byte, limit int) ([]byte, string) {
	if d.zstd == nil || d.zstdMax != limit {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)))
		if err != nil {
			return nil, whyPayload
		}
		d.zstd, d.zstdMax = z, limit
	}
	out, err := d.zstd.DecodeAll(src, d.scratch[:0])
	switch {
	case err == zstd.ErrDecoderSizeExceeded || len(out) > limit:
		return nil, whyBomb
	case err != nil:
		return nil, whyPayload
	}
	return out, ""
}

func (d *decompressor) unsnappy(src []byte, limit int) ([]byte, string) {
	if len(src) >= xerialHeaderLen && bytes.HasPrefix(src, xerialMagic) {
		return d.unxerial(src[xerialHeaderLen:], limit)
	}
	return d.snappyBlock(d.scratch[:0], src, limit)
}

func (d *decompressor) unxerial(src []byte, limit int) ([]byte, string) {
	out := d.scratch[:0]
	for len(src) > 0 {
		if len(src) < 4 {
			return nil, whyPayload
		}
		n := int64(binary.BigEndian.Uint32(src))
		src = src[4:]
		if n > int64(len(src)) {
			return nil, whyPayload
		}
		var why string
		if out, why = d.snappyBlock(out, src[:n], limit); why != "" {
			return nil, why
		}
		src = src[n:]
	}
	return out, ""
}

// snappyBlock appends one decoded block. The length a block claims is checked
// before memory is taken for it.
func (d *decompressor) snappyBlock(out, src []byte, limit int) ([]byte, string) {
	n, err := s2.DecodedLen(src)
	if err != nil {
		return nil, whyPayload
	}
	if n > limit-len(out) {
		return nil, whyBomb
	}
	if need := len(out) + n; need > cap(out) {
		grown := make([]byte, len(out), max(need, min(2*cap(out), limit)))
		copy(grown, out)
		out = grown
	}
	if _, err := s2.Decode(out[len(out):len(out)+n], src); err != nil {
		return nil, whyPayload
	}
	return out[:len(out)+n], ""
}
