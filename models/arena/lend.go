package arena

import (
	"fmt"

	"github.com/ceteris/ceteris/models/iobuf"
)

// maxBorrowers bounds the shards that a tag can name.
const maxBorrowers = 1 << 12

// Lend takes a span for another shard, whose number the buffer carries until it
// comes back. It comes back as every buffer does: the last release puts it on
// the foreign list, and the next Drain takes it in. Owner only. Nil when there is
// no span, for sizes of the data path even after reclaiming; larger ones could
// cost the lender all that it caches.
func (a *Arena) Lend(n, borrower int) *iobuf.Buf {
	if borrower < 0 || borrower >= maxBorrowers {
		panic(fmt.Sprintf("arena: lending to shard %d, want one of %d", borrower, maxBorrowers))
	}
	n = max(n, PageBytes) // small objects share their page, which could not come back whole
	var b *iobuf.Buf
	if n <= DataPathBytes {
		b = a.TryReclaimAlloc(n, Lent)
	} else if a.inject == nil || !a.inject(n, Lent) {
		b = a.alloc(n, Lent)
	}
	if b == nil {
		return nil
	}
	for len(a.lentTo) <= borrower {
		a.lentTo = append(a.lentTo, 0)
	}
	t := tagOf(b)
	a.lentTo[borrower] += t.bytes()
	b.Tag = uint64(t.lentTo(borrower))
	a.n.lends++
	return b
}

// backFromLoan counts a lent span that is home again.
func (a *Arena) backFromLoan(t tag) {
	a.n.loansBack++
	a.lentTo[t.borrower()] -= t.bytes()
	if a.lentTo[t.borrower()] < 0 {
		panic(fmt.Sprintf("arena: shard %d gave back more than it had: %d bytes", t.borrower(), -a.lentTo[t.borrower()]))
	}
}

// LentTo is how many bytes the shard has of this arena. Owner only.
func (a *Arena) LentTo(borrower int) int64 {
	if borrower >= len(a.lentTo) {
		return 0
	}
	return a.lentTo[borrower]
}
