package load

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/ceteris/ceteris/workloads"
)

// Produce frames are laid out here by hand, so that a send costs a copy and a
// few patches. Versions 9 to 12 share the request layout (flexible, topics by
// name):
//
//	size i32 | key i16 | version i16 | correlation i32 | client id i16+bytes | tags
//	transactional id (null) | acks i16 | timeout i32 | 1 topic: name,
//	partitions: index i32, records uvarint(len+1)+batch, tags | tags | tags
//
// A record batch v2 has 61 bytes before its records; the CRC-32C at 17 covers
// everything from 21 on.
const (
	minProduceVersion = 9
	maxProduceVersion = 12

	produceKey = 0
	fetchKey   = 1

	batchHeaderBytes = 61
	clientID         = "ceteris-load"
	// requestTimeoutMs bounds how long the broker may hold an acks=all request.
	requestTimeoutMs = 30000
	keyBytes         = 8
	// maxTemplateBytes bounds the frames kept ready; beyond it they are
	// assembled for every send.
	maxTemplateBytes = 64 << 20
	poolBytes        = 1 << 20
)

// mark is where a stampable value starts in a frame, and the sum of its tail.
type mark struct {
	at   int
	tail uint32
}

// frame is one Produce request in a buffer of its own.
type frame struct {
	bytes   []byte
	batches []extent // of each partition
	values  []mark   // of all of them, in order
	valueLn int      // bytes of all values
}

// extent is where a record batch starts and ends.
type extent struct{ from, to int }

// encoder makes the Produce frames of one thread.
type encoder struct {
	gen     *workloads.Generator
	version int16
	topics  []string
	pool    []byte // payload bytes that assembled frames take slices of
	// templates holds a finished frame for each partition when all values have
	// one size; nil otherwise.
	templates []*frame
	scratch   frame
	// fan lists the partitions of a request by its first, which is one of them;
	// nil where it is the only one.
	fan  [][]int32
	only [1]int32
}

func newEncoder(gen *workloads.Generator, version int16, topics []string) *encoder {
	e := &encoder{gen: gen, version: version, topics: topics}
	w := gen.W
	e.pool = make([]byte, poolBytes+w.Size.MaxBytes)
	gen.Payload(0, e.pool)
	e.prepare()
	return e
}

// spread has requests go to several partitions each.
func (e *encoder) spread(fan [][]int32) {
	e.fan = fan
	e.prepare()
}

// prepare makes the templates.
func (e *encoder) prepare() {
	w := e.gen.W
	total := len(e.topics) * w.Partitions
	each := max(1, w.FanOut)*(w.RecordsPerBatch*(w.Size.MaxBytes+keyBytes+24)+128) + 256
	e.templates = nil
	if w.Size.Fixed() && total*each <= maxTemplateBytes {
		e.templates = make([]*frame, total)
		for p := range e.templates {
			f := &frame{}
			e.assemble(f, int64(p), p)
			e.templates[p] = f
		}
	}
}

// parts lists the partitions of a request by its first.
func (e *encoder) parts(first int) []int32 {
	if e.fan != nil {
		return e.fan[first]
	}
	e.only[0] = int32(first)
	return e.only[:]
}

// send describes one request to be encoded.
type send struct {
	index       int64
	partition   int // topic*Partitions + partition; the first of several
	correlation int32
	stream      int
	sequence    uint64   // of the first record
	more        []uint64 // those of the other partitions, in their order
	intendedNs  int64    // CLOCK_MONOTONIC
	wallMs      int64
}

// append adds the request's frame to dst. It returns the grown buffer, the bytes
// of its record values and how many of each partition's were stamped and took a
// sequence.
func (e *encoder) append(dst []byte, s *send) (out []byte, values, stamped int) {
	f := &e.scratch
	if e.templates != nil {
		f = e.templates[s.partition]
	} else {
		e.assemble(f, s.index, s.partition)
	}
	start := len(dst)
	dst = append(dst, f.bytes...)
	b := dst[start:]
	binary.BigEndian.PutUint32(b[8:], uint32(s.correlation))
	stamped = len(f.values) / len(f.batches)
	for k, at := range f.batches {
		first := s.sequence
		if k > 0 {
			first = s.more[k-1]
		}
		for r, m := range f.values[k*stamped : (k+1)*stamped] {
			stamp(b[m.at:], m.tail, s.intendedNs, s.stream, first+uint64(r))
		}
		batch := b[at.from:at.to]
		binary.BigEndian.PutUint64(batch[27:], uint64(s.wallMs))
		binary.BigEndian.PutUint64(batch[35:], uint64(s.wallMs))
		binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli))
	}
	return dst, f.valueLn, stamped
}

// assemble builds the frame of a request but for what append patches.
func (e *encoder) assemble(f *frame, index int64, partition int) {
	w := e.gen.W
	b := f.bytes[:0]
	b = append(b, 0, 0, 0, 0, 0, produceKey, 0, byte(e.version), 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(clientID)))
	b = append(b, clientID...)
	b = append(b, 0, 0) // no tags; no transactional id
	b = binary.BigEndian.AppendUint16(b, uint16(w.Acks))
	b = binary.BigEndian.AppendUint32(b, requestTimeoutMs)
	b = append(b, 2)
	b = appendCompact(b, e.topics[partition/w.Partitions])
	parts := e.parts(partition)
	b = binary.AppendUvarint(b, uint64(len(parts)+1))
	batchLen := batchHeaderBytes
	for r := range w.RecordsPerBatch {
		body := e.recordBody(index, r)
		batchLen += varintLen(int64(body)) + body
	}
	f.batches, f.values, f.valueLn = f.batches[:0], f.values[:0], 0
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(int(p)%w.Partitions))
		b = binary.AppendUvarint(b, uint64(batchLen+1))
		from := len(b)
		b = e.appendBatchHeader(b, batchLen)
		for r := range w.RecordsPerBatch {
			b = e.appendRecord(f, b, index, r, int(p))
		}
		f.batches = append(f.batches, extent{from, len(b)})
		b = append(b, 0)
	}
	b = append(b, 0, 0)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	f.bytes = b
}

// stampable is how many records of each partition's batch of a request have room for
// the oracle's header.
func (e *encoder) stampable(index int64) (n int) {
	for r := range e.gen.W.RecordsPerBatch {
		if e.gen.Size(index, r) >= headerBytes {
			n++
		}
	}
	return n
}

func (e *encoder) appendBatchHeader(b []byte, batchLen int) []byte {
	n := uint32(e.gen.W.RecordsPerBatch)
	b = binary.BigEndian.AppendUint64(b, 0)                   // base offset: the broker's
	b = binary.BigEndian.AppendUint32(b, uint32(batchLen-12)) // length after this field
	b = binary.BigEndian.AppendUint32(b, 0xffffffff)          // leader epoch: the broker's
	b = append(b, 2, 0, 0, 0, 0, 0, 0)                        // magic, CRC, attributes: not compressed, create time
	b = binary.BigEndian.AppendUint32(b, n-1)                 // last offset delta
	b = append(b, make([]byte, 16)...)                        // timestamps
	for range 14 {                                            // producer id, epoch, sequence: none
		b = append(b, 0xff)
	}
	return binary.BigEndian.AppendUint32(b, n)
}

// keyed reports whether records carry a key.
func keyed(w *workloads.Workload) bool { return w.Keys.Kind != workloads.None }

// recordBody is the length of a record behind its length field.
func (e *encoder) recordBody(index int64, r int) int {
	size := e.gen.Size(index, r)
	n := 1 + 1 + varintLen(int64(r)) + varintLen(int64(size)) + size + 1
	if keyed(e.gen.W) {
		return n + varintLen(keyBytes) + keyBytes
	}
	return n + varintLen(-1)
}

func (e *encoder) appendRecord(f *frame, b []byte, index int64, r, partition int) []byte {
	size := e.gen.Size(index, r)
	b = binary.AppendVarint(b, int64(e.recordBody(index, r)))
	b = append(b, 0, 0) // attributes, timestamp delta
	b = binary.AppendVarint(b, int64(r))
	if keyed(e.gen.W) {
		// Records of a partition share its key: all a broker sees of a key is its
		// bytes and where the client sent it.
		b = binary.AppendVarint(b, keyBytes)
		b = keyOf(b, partition)
	} else {
		b = binary.AppendVarint(b, -1)
	}
	b = binary.AppendVarint(b, int64(size))
	at := len(b)
	b = append(b, e.payload(index, r, size)...)
	if size >= headerBytes {
		f.values = append(f.values, mark{at, tailCRC(b[at:])})
	}
	f.valueLn += size
	return append(b, 0) // no headers
}

// payload is the value of record r of a request: a slice of the pool, shared.
func (e *encoder) payload(index int64, r, size int) []byte {
	from := int(uint64(index*int64(e.gen.W.RecordsPerBatch)+int64(r))*8191%poolBytes) &^ 63
	return e.pool[from : from+size]
}

// keyOf appends the key of a partition's records.
func keyOf(b []byte, partition int) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(partition))
}

// appendCompact writes a compact string: uvarint(len+1) and the bytes.
func appendCompact(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)+1))
	return append(b, s...)
}

// varintLen is how many bytes the zigzag varint of v takes.
func varintLen(v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	n := 1
	for u >= 0x80 {
		u >>= 7
		n++
	}
	return n
}
