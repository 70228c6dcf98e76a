package arena

import "fmt"

// maxOrders bounds the span sizes: order 30 is 4 TiB.
const maxOrders = 31

// What the first page of a span is; every other page is zero.
const (
	inside    uint8 = iota // not the first page of a span
	buddyFree              // on the buddy list of its order
	quickFree              // on the short list of its order
	inUse                  // handed out
)

// buddy keeps the spans of a region: page p of order o is the first of 2^o pages
// and its buddy starts at p xor 2^o. The region need not be a power of two: it
// starts out as the fewest aligned spans that cover it. Everything is indexes in
// pointer-free arrays, ten bytes a page.
type buddy struct {
	pages int
	heads [maxOrders]int32 // first free span of an order, -1 if none
	count [maxOrders]int64 // free spans of an order
	free  int64            // pages on the lists
	next  []int32          // by page: links of the free lists
	prev  []int32
	kind  []uint8 // by page
	order []uint8 // by page, where kind is not inside
}

func (t *buddy) init(pages int) {
	t.pages = pages
	t.next, t.prev = make([]int32, pages), make([]int32, pages)
	t.kind, t.order = make([]uint8, pages), make([]uint8, pages)
	for i := range t.heads {
		t.heads[i] = -1
	}
	for page := 0; page < pages; {
		order := 0
		for order+1 < maxOrders && page%(2<<order) == 0 && page+2<<order <= pages {
			order++
		}
		t.link(page, order)
		page += 1 << order
	}
}

// take removes a span of the order, splitting a larger one; -1 when none is left.
func (t *buddy) take(order int) int {
	from := order
	for from < maxOrders && t.heads[from] < 0 {
		from++
	}
	if from == maxOrders {
		return -1
	}
	page := int(t.heads[from])
	t.unlink(page, from)
	for from > order {
		from--
		t.link(page+1<<from, from)
	}
	t.mark(page, order, inUse)
	return page
}

// give puts a span back and merges it with its buddy as often as that is free.
func (t *buddy) give(page, order int) {
	t.kind[page] = inside
	for order+1 < maxOrders {
		mate := page ^ 1<<order
		if mate+1<<order > t.pages || t.kind[mate] != buddyFree || int(t.order[mate]) != order {
			break
		}
		t.unlink(mate, order)
		t.kind[mate] = inside
		page = min(page, mate)
		order++
	}
	t.link(page, order)
}

// mark says what the span at page is.
func (t *buddy) mark(page, order int, kind uint8) {
	t.kind[page], t.order[page] = kind, uint8(order)
}

// check stops a span from being freed twice or with another size.
func (t *buddy) check(page, order int) {
	if t.kind[page] != inUse || int(t.order[page]) != order {
		panic(fmt.Sprintf("arena: free of page %d: got kind %d order %d, want kind %d order %d",
			page, t.kind[page], t.order[page], inUse, order))
	}
}

func (t *buddy) link(page, order int) {
	head := t.heads[order]
	t.next[page], t.prev[page] = head, -1
	if head >= 0 {
		t.prev[head] = int32(page)
	}
	t.heads[order] = int32(page)
	t.mark(page, order, buddyFree)
	t.count[order]++
	t.free += 1 << order
}

func (t *buddy) unlink(page, order int) {
	next, prev := t.next[page], t.prev[page]
	if prev >= 0 {
		t.next[prev] = next
	} else {
		t.heads[order] = next
	}
	if next >= 0 {
		t.prev[next] = prev
	}
	t.count[order]--
	t.free -= 1 << order
}
