package tpc

import (
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// A shard gives borrowed memory back when its own suffices again, or when the
// lender calls for it. Chunks in it are copied home: what is cached stays cached,
// as far as evicting older chunks makes room.

// addLoan notes that a chunk lies in borrowed memory.
func (l *loans) addLoan(k *chunk) {
	l.chunks = append(l.chunks, k)
	k.loan = len(l.chunks)
}

// dropLoan forgets it.
func (l *loans) dropLoan(k *chunk) {
	last := len(l.chunks) - 1
	moved := l.chunks[last]
	l.chunks[k.loan-1], moved.loan = moved, k.loan
	l.chunks[last] = nil
	l.chunks = l.chunks[:last]
	k.loan = 0
}

// giveBack is the lender's call.
func (s *shard) giveBack() {
	s.loans.called = true
	s.repay()
}

// returning is the shard as the handler of the timer that goes on with it.
type returning shard

// OnTimer brings the next chunks home.
func (h *returning) OnTimer(*reactor.Timer) { (*shard)(h).repay() }

// repay gives back the spans that nobody uses and brings chunks home, a bounded
// number in one go. Chunks that the device reads from have to wait for it.
func (s *shard) repay() {
	l := &s.loans
	s.dropPool()
	left := bringHomeMost
	for i := 0; i < len(l.chunks) && left > 0; {
		k := l.chunks[i]
		if k.part != nil && k.part.app.busy && !k.clean {
			i++
			continue
		}
		if !s.bringHome(k) {
			break
		}
		left--
	}
	if len(l.chunks) == 0 {
		l.called = false
	} else if !l.timer.Pending() {
		s.r.After(&l.timer, bringHomeNs)
	}
}

// bringHome moves a chunk's bytes into the shard's own memory. Who is sending
// from the old span keeps it until that is over. False when there is no room.
func (s *shard) bringHome(k *chunk) bool {
	own := s.ownChunk()
	if own == nil {
		return false
	}
	if k.loan == 0 { // evicted to make that very room
		own.Release(s.arena)
		return true
	}
	if k.clean {
		s.arena.Retag(own, arena.Cache)
	}
	s.copies.Add(telemetry.CopyMove, copy(own.B[:s.chunkBytes], k.buf.B))
	s.loans.dropLoan(k)
	k.buf.Release(s.arena)
	k.buf = own
	return true
}

// dropPool gives back the borrowed spans that nobody uses.
func (s *shard) dropPool() {
	l := &s.loans
	for i, b := range l.pool {
		b.Release(s.arena)
		l.pool[i] = nil
	}
	l.pool = l.pool[:0]
}

// tidyLoans is housekeeping: spans that stay unused go back, and so do chunks
// when the shard's own memory is above its low-water mark again.
func (s *shard) tidyLoans() {
	l := &s.loans
	if l.idle && s.hungry.n == 0 {
		s.dropPool()
	}
	l.idle = true
	plenty := s.arena.FreeBytes()+s.arena.PurposeBytes(arena.Cache) > s.budget.frames+int64(s.arenaBytes/16)
	if len(l.chunks) > 0 && (plenty || l.called) {
		s.repay()
	}
}
