package tpc

import (
	"math/bits"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// A shard whose memory is used up, with nothing left to evict, asks the shard
// that says it has most for spans of its own:
//
//	borrower                          lender
//	makeRoom, allocFrame ── msgBorrow ──► evicts, lends above its own reserve
//	lent: parts go on   ◄── msgLent ───   (the spans lie in the borrower's loans)
//	giveBack            ◄── msgRecall ──  when it runs out itself
//	Release ─────────── arena's list ──►  Drain
//
// A borrowed span is an arena's buffer like any other: it knows its home and
// goes there when its last reference is gone, on whichever thread that is. So
// giving back takes no message, and both sides' books come out even by
// themselves. Nothing here waits: what asked is tried again when the answer comes.
const (
	lendReserve   = 4    // a lender keeps a quarter of its memory, free or clean
	borrowChunks  = 16   // chunks asked for at a time: 1 MiB, so that a burst costs few messages
	recallNs      = 10e6 // how often a lender calls for its memory
	patientNs     = 200e6
	bringHomeMost = 16  // chunks copied in one go: some 100 µs
	bringHomeNs   = 1e6 // until the next go
)

// loans is what a shard has to do with other shards' memory.
type loans struct {
	_        [64]byte
	lendable atomic.Int64 // bytes that the shard would lend now; any thread
	_        [64]byte

	shown   int64 // lendable, for the owner
	step    int64 // it is shown anew when it has changed by this much
	reserve int64 // what the shard keeps when it lends
	on      bool

	asking  bool       // a request is under way: answer is the lender's until it comes
	answer  *iobuf.Buf // what was lent, linked by Next
	refused []bool     // shards that had nothing since the last grant
	pool    []*iobuf.Buf
	idle    bool     // nothing was taken from the pool since housekeeping looked
	chunks  []*chunk // that lie in borrowed memory, in no order

	calledNs int64 // when memory was last called back from a borrower
	called   bool  // a lender wants its memory
	timer    reactor.Timer

	borrows, borrowed, refusals, recalls *telemetry.Counter
}

// lendableBytes is what the shard would lend: what is free or can be dropped
// above its own reserve.
func (s *shard) lendableBytes() int64 {
	return s.arena.FreeBytes() + s.arena.PurposeBytes(arena.Cache) - s.loans.reserve
}

// showLendable lets other shards see it, in steps, so that a round in which
// little has changed writes nothing that they read.
func (s *shard) showLendable() {
	l := &s.loans
	if n := max(s.lendableBytes(), 0); n > l.shown+l.step || n < l.shown-l.step || n == 0 && l.shown != 0 {
		l.shown = n
		l.lendable.Store(n)
	}
}

// callForMemory asks for count spans of n bytes, from whoever has borrowed this
// shard's memory or else from the shard with most. It reports whether it is
// worth waiting, for someone who has waited since.
func (s *shard) callForMemory(n, count int, since int64) bool {
	l := &s.loans
	if !l.on {
		return false
	}
	if s.arena.PurposeBytes(arena.Lent) > 0 && s.r.Now()-since < patientNs {
		s.recall()
		return true
	}
	return s.borrow(n, count)
}

// borrow asks the shard with most memory that has not refused yet. It reports
// whether an answer is to come.
func (s *shard) borrow(n, count int) bool {
	l := &s.loans
	if l.asking {
		return true
	}
	order := bits.Len(uint(n - 1)) // of the span that it takes
	best, most := -1, int64(1)<<order-1
	for i, o := range s.b.shards {
		if has := o.loans.lendable.Load(); i != s.id && has > most && !l.refused[i] {
			best, most = i, has
		}
	}
	if best < 0 {
		clear(l.refused)
		return false
	}
	if entered, _ := s.enter(groupMemory, best, nil); !entered {
		return false
	}
	l.asking = true
	l.borrows.Inc()
	s.send(best, message{kind: msgBorrow, part: int32(count), fd: int32(order)})
	return true
}

// lend answers another shard's call with as much as leaves this one its reserve.
func (s *shard) lend(to, n, count int) {
	o := &s.b.shards[to].loans
	for ; count > 0 && s.lendableBytes() >= int64(n); count-- {
		buf := s.arena.Lend(n, to)
		if buf == nil {
			break
		}
		buf.Next, o.answer = o.answer, buf
	}
	s.showLendable()
	s.send(to, message{kind: msgLent})
}

// lent takes the answer and lets those go on who waited for it.
func (s *shard) lent(from int) {
	l := &s.loans
	l.asking, l.idle = false, false
	if l.answer == nil {
		l.refused[from] = true
		l.refusals.Inc()
	} else {
		clear(l.refused)
	}
	for l.answer != nil {
		buf := l.answer
		l.answer, buf.Next = buf.Next, nil
		l.pool = append(l.pool, buf)
		l.borrowed.Inc()
	}
	s.feed()
	(*starvation)(s).retry()
}

// takeBorrowed is the smallest borrowed span that holds n bytes and is not used
// yet, nil when there is none.
func (l *loans) takeBorrowed(n int) *iobuf.Buf {
	best := -1
	for i, b := range l.pool {
		if len(b.B) >= n && (best < 0 || len(b.B) < len(l.pool[best].B)) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	b := l.pool[best]
	last := len(l.pool) - 1
	l.pool[best], l.pool[last] = l.pool[last], nil
	l.pool = l.pool[:last]
	l.idle = false
	return b
}

// recall asks the shard that has most of this one's memory to give it back.
func (s *shard) recall() {
	l := &s.loans
	if l.calledNs != 0 && s.r.Now()-l.calledNs < recallNs {
		return
	}
	l.calledNs = max(s.r.Now(), 1)
	most := -1
	for i := range s.b.shards {
		if n := s.arena.LentTo(i); n > 0 && (most < 0 || n > s.arena.LentTo(most)) {
			most = i
		}
	}
	if most >= 0 {
		l.recalls.Inc()
		s.send(most, message{kind: msgRecall})
	}
}

// borrowing sets a shard of the given memory up for it.
func (s *shard) borrowing(bytes int64, counter func(name, help string) *telemetry.Counter) {
	l := &s.loans
	n := s.b.LockedThreads()
	l.on = s.b.cfg.Factors.Borrow == "on" && n > 1
	l.refused = make([]bool, n)
	l.reserve, l.step = bytes/lendReserve, bytes/64
	l.borrows = counter("memory_borrow_requests_total", "calls for another shard's memory")
	l.borrowed = counter("memory_borrowed_spans_total", "spans that other shards lent")
	l.refusals = counter("memory_borrow_refusals_total", "calls that the other shard could not answer")
	l.recalls = counter("memory_recalls_total", "calls for memory that was lent")
	s.hungry.waits = counter("memory_waits_total", "appends that waited for memory")
	s.hungry.waitNs = counter("memory_wait_ns_total", "time that appends waited for memory, ns")
}
