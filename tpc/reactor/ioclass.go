package reactor

// Class is on whose behalf a disk operation is done. The device is shared by
// classes, not by whoever asks first: bytes that a consumer far behind wants
// must not stand before those that a producer waits for.
type Class uint8

const (
	// Produce is what a client waits for that has sent something.
	Produce Class = iota
	// Fetch is what consumers read from the device.
	Fetch
	// Background is what nobody waits for yet.
	Background
	classes
)

// String is the class's name in settings and readings.
func (c Class) String() string { return [classes]string{"produce", "fetch", "background"}[c] }

// What an operation costs is its bytes and as much again as a device could have
// moved meanwhile: 4 KiB at a time it carries out about 110 thousand operations
// a second, 1 MiB at a time 5 GB.
const opCostBytes = 32 << 10

// classRule is a class's share of the device. Below its bounds it takes what is
// there; when the device's own bound is reached, a byte costs a class its price,
// and the one that has paid least goes next. So a class with a high price waits
// long, and never for ever.
type classRule struct {
	price    int64
	maxOps   int   // in the kernel's hands; 0: as many as the device
	maxBytes int64 // of them; 0: as many as the device
}

// maxDeviceBytes bounds what all classes have in the kernel's hands: far more
// than keeps a device busy, because writes of one round go out together, and
// little enough that the order in which the rest goes is decided here.
const maxDeviceBytes = 32 << 20

// Two of the larger reads keep a device busy, which is what fetches may have
// there. More in the kernel's hands would move no faster and stand before every
// write.
var classRules = [classes]classRule{
	Produce:    {price: 1},
	Fetch:      {price: 4, maxOps: 16, maxBytes: 5 << 19},
	Background: {price: 16, maxOps: 4, maxBytes: 1 << 20},
}

// classState is one class's part of a diskQueues.
type classState struct {
	rule    classRule
	ops     int   // in the kernel's hands
	bytes   int64 // of them
	paid    int64 // for what went there, from the same start as the others
	waiting diskFIFO
}

// fits reports whether n more bytes keep the bounds. One operation at a time
// always does, however large.
func fits(ops int, bytes int64, maxOps int, maxBytes, n int64) bool {
	return ops == 0 || ops < maxOps && bytes+n <= maxBytes
}

// diskQueues decides which operations the kernel has and which comes next. In
// each class that is the order in which they were submitted.
type diskQueues struct {
	depth    int
	maxBytes int64
	ops      int   // in the kernel's hands
	bytes    int64 // of them
	waiting  int   // operations
	stuck    bool  // one that its class allows waits for the device: nobody slips past it
	paid     int64 // what the class that went last had paid before
	class    [classes]classState
}

// init bounds the whole to depth operations.
func (q *diskQueues) init(depth int) {
	*q = diskQueues{depth: depth, maxBytes: maxDeviceBytes}
	for c := range q.class {
		r := classRules[c]
		if r.maxOps == 0 || r.maxOps > depth {
			r.maxOps = depth
		}
		if r.maxBytes == 0 {
			r.maxBytes = maxDeviceBytes
		}
		q.class[c].rule = r
	}
}

// submit takes op in. True means that it goes to the kernel at once; otherwise
// next may yield it, now or later.
func (q *diskQueues) submit(op *DiskOp) bool {
	c := &q.class[op.Class]
	if c.waiting.head == nil && !q.stuck && q.allows(c, op) && fits(q.ops, q.bytes, q.depth, q.maxBytes, op.total) {
		q.take(c, op)
		return true
	}
	c.waiting.push(op)
	q.waiting++
	return false
}

func (q *diskQueues) allows(c *classState, op *DiskOp) bool {
	return fits(c.ops, c.bytes, c.rule.maxOps, c.rule.maxBytes, op.total)
}

// take hands op to the kernel. A class that was idle has not saved anything up.
func (q *diskQueues) take(c *classState, op *DiskOp) {
	q.ops++
	q.bytes += op.total
	c.ops++
	c.bytes += op.total
	c.paid = max(c.paid, q.paid)
	q.paid = c.paid
	c.paid += (op.total + opCostBytes) * c.rule.price
}

// done takes op out of the kernel's hands.
func (q *diskQueues) done(op *DiskOp) {
	c := &q.class[op.Class]
	q.ops--
	q.bytes -= op.total
	c.ops--
	c.bytes -= op.total
}

// next is the operation that goes to the kernel now, nil when there is none.
// Call it after submit and after done until it has none.
func (q *diskQueues) next() *DiskOp {
	q.stuck = false
	if q.waiting == 0 {
		return nil
	}
	var best *classState
	for i := range q.class {
		c := &q.class[i]
		if op := c.waiting.head; op == nil || !q.allows(c, op) {
			continue
		}
		if best == nil || max(c.paid, q.paid) < max(best.paid, q.paid) {
			best = c
		}
	}
	if best == nil {
		return nil
	}
	if op := best.waiting.head; !fits(q.ops, q.bytes, q.depth, q.maxBytes, op.total) {
		q.stuck = true
		return nil
	}
	q.waiting--
	op := best.waiting.pop()
	q.take(best, op)
	return op
}

// diskFIFO is a first-in first-out list linked through the operations.
type diskFIFO struct{ head, tail *DiskOp }

func (q *diskFIFO) push(op *DiskOp) {
	op.next = nil
	if q.tail == nil {
		q.head = op
	} else {
		q.tail.next = op
	}
	q.tail = op
}

func (q *diskFIFO) pop() *DiskOp {
	op := q.head
	if op == nil {
		return nil
	}
	q.head, op.next = op.next, nil
	if q.head == nil {
		q.tail = nil
	}
	return op
}
