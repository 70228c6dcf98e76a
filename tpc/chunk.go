package tpc

import (
	"fmt"

	"github.com/ceteris/ceteris/models/iobuf"
)

// chunk is an aligned image of one piece of a segment file: bytes
// [index*size, (index+1)*size). Appends are copied into it, the device reads
// from it, and consumers are answered from it.
//
// Ownership: the partition's chain holds one reference to buf; every response
// piece that points into it holds another, so eviction never pulls memory from
// under a send.
type chunk struct {
	buf     *iobuf.Buf
	segBase int64
	index   int64 // position in the segment divided by the chunk size
	from    int64 // segment position of the first byte that is here; more than the chunk's own where a tail was parked
	endPos  int64 // segment position and
	endOff  int64 // log offset after the last batch that ends in this chunk; 0 and 0 when none does
	part    *ownedPartition
	staged  bool   // buf lies in the staging file
	live    bool   // and is replayed after kill -9
	clean   bool   // on the device and in the eviction order
	loan    int    // place among the shard's chunks in borrowed memory, from 1; 0 in its own
	next    *chunk // the shard's list of unused ones
}

// chain is the run of chunks that a partition still has in memory, oldest
// first. Within one segment they are consecutive, because eviction only takes
// the oldest; every segment after the first one starts at chunk 0.
type chain struct {
	list  []*chunk // list[head:] are the chunks
	head  int
	clean int   // list[head:clean] are clean, the rest is not
	size  int64 // chunk size, bytes; a power of two
}

// at finds the chunk that covers pos of the segment, nil when it is not in memory.
func (c *chain) at(segBase, pos int64) *chunk {
	want := pos / c.size
	for i := len(c.list) - 1; i >= c.head; {
		k := c.list[i]
		if k.segBase < segBase {
			return nil
		}
		if k.segBase > segBase {
			i -= int(k.index) + 1
			continue
		}
		j := i - int(k.index-want)
		if k.index < want || j < c.head || c.list[j].segBase != segBase {
			return nil
		}
		if k = c.list[j]; pos < k.from {
			return nil
		}
		return k
	}
	return nil
}

// push adds the next chunk at the tail.
func (c *chain) push(k *chunk) { c.list = append(c.list, k) }

// popFront forgets the oldest chunk, which must be clean.
func (c *chain) popFront() *chunk {
	k := c.list[c.head]
	if c.head >= c.clean {
		panic(fmt.Sprintf("tpc: evicting a dirty chunk: head %d, clean below %d", c.head, c.clean))
	}
	c.list[c.head] = nil
	c.head++
	if c.head > 32 && c.head > len(c.list)/2 {
		n := copy(c.list, c.list[c.head:])
		clear(c.list[n:])
		c.list, c.clean, c.head = c.list[:n], c.clean-c.head, 0
	}
	return k
}
