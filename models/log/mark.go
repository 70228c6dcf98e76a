package log

import "sync/atomic"

// MarkCell publishes a Mark of three words from one writer to any reader,
// without a lock or an allocation: the sequence is odd while the words change,
// and a reader that saw it change looks again. The offset alone may be read
// without that. A log publishes its end in one, a partition its high watermark.
type MarkCell struct {
	seq    atomic.Uint64
	offset atomic.Int64
	base   atomic.Int64
	pos    atomic.Int64
}

// Store publishes v. One thread at a time.
func (m *MarkCell) Store(v Mark) {
	m.seq.Add(1)
	m.base.Store(v.SegBase)
	m.pos.Store(v.Pos)
	m.offset.Store(v.Offset)
	m.seq.Add(1)
}

// Load reads the three words as they were stored together. Any thread.
func (m *MarkCell) Load() Mark {
	for {
		before := m.seq.Load()
		v := Mark{Offset: m.offset.Load(), SegBase: m.base.Load(), Pos: m.pos.Load()}
		if before%2 == 0 && m.seq.Load() == before {
			return v
		}
	}
}

// Offset reads the offset alone. Any thread.
func (m *MarkCell) Offset() int64 { return m.offset.Load() }
