package batch

import "errors"

// Record is one record where it lies in its batch, or in the memory of the
// validator that decompressed it.
type Record struct {
	OffsetDelta    int32
	TimestampDelta int64  // ms, to the batch's base timestamp
	Key            []byte // nil when it is null
	Tombstone      bool   // the value is null

	whole []byte // with its length
	tail  []byte // what follows the timestamp delta
	flags byte
}

// Records goes through the records of a stored batch, in which offsets may have
// gaps because compaction has been there.
type Records struct {
	p    []byte
	left int32
}

// ErrRecords says that the records of a batch cannot be read.
var ErrRecords = errors.New("batch: records do not parse")

// Records begins with the first record of the batch b, whose header is h. What
// it yields holds until the validator is used again, or as long as b does.
func (v *Validator) Records(b []byte, h *Header) (Records, error) {
	if len(b) < HeaderLen || len(b) != h.TotalLen() || h.Count < 0 {
		return Records{}, ErrRecords
	}
	p := b[HeaderLen:]
	if codec := h.Codec(); codec != CodecNone && h.Count > 0 {
		if codec > CodecZstd {
			return Records{}, ErrRecords
		}
		var why string
		if p, why = v.codecs.decompress(p, codec, v.limit()); why != "" {
			return Records{}, ErrRecords
		}
	}
	return Records{p: p, left: h.Count}, nil
}

// Next fills r with the next record; false after the last one.
func (i *Records) Next(r *Record) (bool, error) {
	if i.left == 0 {
		if len(i.p) > 0 {
			return false, ErrRecords
		}
		return false, nil
	}
	u, at := uvarint(i.p, 0)
	if at < 0 || u > maxZigzag32 {
		return false, ErrRecords
	}
	size := unzigzag(u)
	if size < 1 || size > int64(len(i.p)-at) {
		return false, ErrRecords
	}
	end := at + int(size)
	r.whole = i.p[:end]
	p := i.p[at:end]
	i.p = i.p[end:]
	i.left--

	r.flags = p[0]
	ts, j := uvarint(p, 1)
	if j < 0 {
		return false, ErrRecords
	}
	r.TimestampDelta, r.tail = unzigzag(ts), p[j:]
	offset, j := uvarint(p, j)
	if j < 0 || offset > maxZigzag32 {
		return false, ErrRecords
	}
	r.OffsetDelta = int32(unzigzag(offset))
	length, k := uvarint(p, j)
	if j = skipBytes(p, j, true); j < 0 {
		return false, ErrRecords
	}
	r.Key = nil
	if unzigzag(length) >= 0 {
		r.Key = p[k:j:j]
	}
	length, _ = uvarint(p, j)
	if skipBytes(p, j, true) < 0 {
		return false, ErrRecords
	}
	r.Tombstone = unzigzag(length) < 0
	return true, nil
}

// Keyless reports whether some record of the batch has no key, or cannot be
// read. A compacted log takes none of those.
func (v *Validator) Keyless(b []byte, h *Header) bool {
	it, err := v.Records(b, h)
	if err != nil {
		return true
	}
	var r Record
	for {
		more, err := it.Next(&r)
		if err != nil || more && r.Key == nil {
			return true
		}
		if !more {
			return false
		}
	}
}
