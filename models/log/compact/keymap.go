package compact

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
)

// slotBytes is what a key takes in the map, whatever its length.
const slotBytes = 24

// loadFactor is how full a map may get, Kafka's log.cleaner.io.buffer.load.factor.
const loadFactor = 0.9

// keyMap remembers the last offset of every key, in memory that is fixed from the
// start: open addressing over the keys' MD5. Two keys with the same hash would
// be taken for one, as in Kafka; with 128 bits that does not happen.
type keyMap struct {
	slots  []slot
	n      int
	most   int
	latest int64 // largest offset the map speaks for, -1 while there is none
}

type slot struct {
	hash [md5.Size]byte
	next int64 // offset plus one; 0 in an empty slot
}

// newKeyMap makes a map within a budget, no larger than for atMost keys.
func newKeyMap(budgetBytes, atMost int64) *keyMap {
	n := max(min(budgetBytes/slotBytes, int64(float64(atMost)/loadFactor)+2), 2)
	return &keyMap{slots: make([]slot, n), most: max(int(float64(n)*loadFactor), 1), latest: -1}
}

// put notes that key was last seen at offset. False means that the map is full
// and has not changed.
func (m *keyMap) put(key []byte, offset int64) bool {
	if m.n >= m.most {
		return false
	}
	if offset < m.latest {
		panic(fmt.Sprintf("compact: key at offset %d after one at %d", offset, m.latest))
	}
	hash := md5.Sum(key)
	s := m.find(&hash)
	if s.next == 0 {
		s.hash = hash
		m.n++
	}
	s.next = offset + 1
	m.latest = offset
	return true
}

// get is the last offset of a key, -1 when the map does not have it.
func (m *keyMap) get(key []byte) int64 {
	hash := md5.Sum(key)
	return m.find(&hash).next - 1
}

// find is the slot of a hash, or the empty one where it would go. There always is
// an empty one.
func (m *keyMap) find(hash *[md5.Size]byte) *slot {
	n := uint64(len(m.slots))
	for i := binary.BigEndian.Uint64(hash[:]) % n; ; i = (i + 1) % n {
		if s := &m.slots[i]; s.next == 0 || s.hash == *hash {
			return s
		}
	}
}
