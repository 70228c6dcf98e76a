package log

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// Producer snapshot, Kafka's .snapshot version 1, big-endian:
//
//	int16 version = 1 | uint32 CRC-32C of all that follows | int32 count
//	count × { int64 producer id, int16 epoch, int32 last sequence, int64 last offset,
//	          int32 offset delta, int64 timestamp ms, int32 coordinator epoch,
//	          int64 first offset of the open transaction, -1 for none }
//
// Only the latest batch of a producer is in it.
const (
	snapshotVersion    = 1
	snapshotHeadBytes  = 10
	snapshotEntryBytes = 46
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// snapshot encodes the state, by producer id so that equal states give equal files.
func (p *producers) snapshot() []byte {
	order := make([]int32, 0, len(p.byID))
	for _, i := range p.byID {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(p.slab[a].id, p.slab[b].id) })
	b := make([]byte, snapshotHeadBytes, snapshotHeadBytes+len(order)*snapshotEntryBytes)
	binary.BigEndian.PutUint16(b, snapshotVersion)
	binary.BigEndian.PutUint32(b[6:], uint32(len(order)))
	for _, i := range order {
		e := &p.slab[i]
		last := sequenced{lastSeq: -1, lastOffset: -1}
		if e.count > 0 {
			last = e.recent[e.newest]
		}
		b = binary.BigEndian.AppendUint64(b, uint64(e.id))
		b = binary.BigEndian.AppendUint16(b, uint16(e.epoch))
		b = binary.BigEndian.AppendUint32(b, uint32(last.lastSeq))
		b = binary.BigEndian.AppendUint64(b, uint64(last.lastOffset))
		b = binary.BigEndian.AppendUint32(b, uint32(last.delta))
		b = binary.BigEndian.AppendUint64(b, uint64(e.lastMs))
		b = binary.BigEndian.AppendUint32(b, uint32(e.coordinatorEpoch))
		b = binary.BigEndian.AppendUint64(b, ^uint64(0))
	}
	binary.BigEndian.PutUint32(b[2:], crc32.Checksum(b[6:], castagnoli))
	return b
}

// ProducerEntry is one producer in a snapshot file.
type ProducerEntry struct {
	ID               int64
	Epoch            int16
	LastSequence     int32
	LastOffset       int64
	OffsetDelta      int32
	TimestampMs      int64
	CoordinatorEpoch int32
	TxnFirstOffset   int64
}

// DecodeSnapshot reads a producer snapshot. The error says what is wrong where.
func DecodeSnapshot(b []byte) ([]ProducerEntry, error) {
	if len(b) < snapshotHeadBytes {
		return nil, fmt.Errorf("producer snapshot of %d bytes is shorter than its head of %d", len(b), snapshotHeadBytes)
	}
	if v := binary.BigEndian.Uint16(b); v != snapshotVersion {
		return nil, fmt.Errorf("producer snapshot has version %d, want %d", v, snapshotVersion)
	}
	if got, want := crc32.Checksum(b[6:], castagnoli), binary.BigEndian.Uint32(b[2:]); got != want {
		return nil, fmt.Errorf("producer snapshot has CRC %08x, its content %08x", want, got)
	}
	n := int64(binary.BigEndian.Uint32(b[6:]))
	if want := snapshotHeadBytes + n*snapshotEntryBytes; int64(len(b)) != want {
		return nil, fmt.Errorf("producer snapshot of %d entries has %d bytes, want %d", n, len(b), want)
	}
	out := make([]ProducerEntry, n)
	for i := range out {
		x := b[snapshotHeadBytes+i*snapshotEntryBytes:]
		e := &out[i]
		e.ID = int64(binary.BigEndian.Uint64(x))
		e.Epoch = int16(binary.BigEndian.Uint16(x[8:]))
		e.LastSequence = int32(binary.BigEndian.Uint32(x[10:]))
		e.LastOffset = int64(binary.BigEndian.Uint64(x[14:]))
		e.OffsetDelta = int32(binary.BigEndian.Uint32(x[22:]))
		e.TimestampMs = int64(binary.BigEndian.Uint64(x[26:]))
		e.CoordinatorEpoch = int32(binary.BigEndian.Uint32(x[34:]))
		e.TxnFirstOffset = int64(binary.BigEndian.Uint64(x[38:]))
		if e.ID < 0 || e.OffsetDelta < 0 {
			return nil, fmt.Errorf("producer snapshot entry %d: producer id %d and offset delta %d must not be negative", i, e.ID, e.OffsetDelta)
		}
	}
	return out, nil
}

// load replaces the state by a snapshot's. Producers silent longest come first
// in the list of eviction.
func (p *producers) load(entries []ProducerEntry) {
	p.init(p.limit)
	slices.SortStableFunc(entries, func(a, b ProducerEntry) int { return cmp.Compare(a.LastOffset, b.LastOffset) })
	for _, s := range entries {
		if _, twice := p.byID[s.ID]; twice {
			continue
		}
		e := producer{id: s.ID, epoch: s.Epoch, coordinatorEpoch: s.CoordinatorEpoch, lastMs: s.TimestampMs}
		if s.LastSequence >= 0 {
			e.count = 1
			e.recent[0] = sequenced{lastSeq: s.LastSequence, delta: s.OffsetDelta, lastOffset: s.LastOffset, ms: s.TimestampMs}
		}
		p.add(e)
	}
}
