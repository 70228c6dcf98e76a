package load

import (
	"encoding/binary"
	"fmt"
)

// eachValue walks the record batches of one partition from an offset on and
// hands over every record's value. It returns the offset after the last whole
// batch. A batch that is cut at the end is left for the next fetch. Batches
// that are compressed or of another format are an error: nobody but this
// generator wrote the topic.
func eachValue(records []byte, from int64, each func(value []byte)) (next int64, err error) {
	next = from
	for len(records) >= batchHeaderBytes {
		base := int64(binary.BigEndian.Uint64(records))
		size := int(int32(binary.BigEndian.Uint32(records[8:]))) + 12
		if size < batchHeaderBytes {
			return next, fmt.Errorf("%w: a record batch of %d bytes", errMalformed, size)
		}
		if size > len(records) {
			return next, nil
		}
		batch := records[:size]
		records = records[size:]
		if batch[16] != 2 || batch[22]&7 != 0 {
			return next, fmt.Errorf("%w: a record batch of magic %d with attributes %#x", errMalformed, batch[16], batch[22])
		}
		last := base + int64(int32(binary.BigEndian.Uint32(batch[23:])))
		if last < next {
			continue // wholly before what was asked for
		}
		if err := eachRecord(batch, base, next, each); err != nil {
			return next, err
		}
		next = last + 1
	}
	return next, nil
}

func eachRecord(batch []byte, base, from int64, each func(value []byte)) error {
	c := cursor{b: batch[batchHeaderBytes:]}
	for range int32(binary.BigEndian.Uint32(batch[57:])) {
		r := cursor{b: c.take(int(c.varint()))}
		r.take(1) // attributes
		r.varint()
		offset := base + r.varint()
		if n := r.varint(); n >= 0 {
			r.take(int(n))
		}
		n := r.varint()
		value := r.take(int(max(n, 0)))
		if c.bad || r.bad {
			return fmt.Errorf("%w: a record of the batch at offset %d is too short", errMalformed, base)
		}
		if offset >= from {
			each(value)
		}
	}
	return nil
}
