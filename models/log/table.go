package log

import "sync/atomic"

// tableChunk is how many entries grow at a time: 4 KiB of offset entries, which
// index 2 MiB of log at the default interval.
const tableChunk = 512

// table is an append-only array that one thread extends while others read: an
// entry is written before the count that covers it is published, and chunks
// never move. It holds no pointers but one a chunk, so that the collector has
// next to nothing to mark in an index.
type table[E any] struct {
	n   atomic.Int64
	dir atomic.Pointer[[]*[tableChunk]E]
}

func (t *table[E]) len() int { return int(t.n.Load()) }

// at reads entry i, which is below a len seen by the caller.
func (t *table[E]) at(i int) E { return (*t.dir.Load())[i/tableChunk][i%tableChunk] }

// add appends. Writer only. Allocates once a chunk.
func (t *table[E]) add(e E) {
	n := t.len()
	if n%tableChunk == 0 {
		var chunks []*[tableChunk]E
		if d := t.dir.Load(); d != nil {
			chunks = *d
		}
		// Appending in place is safe for readers: they hold a shorter slice.
		chunks = append(chunks, new([tableChunk]E))
		t.dir.Store(&chunks)
	}
	(*t.dir.Load())[n/tableChunk][n%tableChunk] = e
	t.n.Store(int64(n + 1))
}

// reset empties the table. Only before readers exist.
func (t *table[E]) reset() {
	t.n.Store(0)
	t.dir.Store(nil)
}

// floor is the index of the last of the first n entries for which atMost holds,
// -1 when there is none. The entries are ordered so that atMost holds for a prefix.
func (t *table[E]) floor(n int, atMost func(E) bool) int {
	lo, hi := 0, n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if atMost(t.at(mid)) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// offsetEntry says that the batch which starts at pos ends with offset base+rel.
type offsetEntry struct{ rel, pos int32 }

// timeEntry says that ts is the largest timestamp up to and with the batch that
// ends with offset base+rel, which is the first to hold it.
type timeEntry struct {
	ts  int64
	rel int32
}

// Sizes of entries in Kafka's index files.
const (
	offsetEntryBytes = 8
	timeEntryBytes   = 12
)
