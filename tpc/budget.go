package tpc

import (
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
)

// A shard's memory is divided among four subsystems, whose buffers the arena
// counts by their purpose. The budgets overlap, because memory that lies idle
// serves nobody; what they keep is what each of them needs to go on at all:
//
//	network   receive buffers leave a 16th to frames, or nothing that was received
//	          could be understood; frames and answers have at most half
//	append    leaves an eighth to the network: a broker that cannot read cannot refuse
//	cache     as much as nobody else wants: it is dropped for all others
//	control   the last 64th is for small requests and their answers
const (
	networkShare = 2
	frameShare   = 8
	receiveShare = 16
	controlShare = 64
	controlMost  = 16 << 10 // the largest frame that may use the last of it, bytes
)

// budgets are in bytes.
type budgets struct {
	reclaimedNs int64 // when memory was last given up ahead of need
	dumpedNs    int64 // when all that holds memory was last logged

	network int64 // most that frames and answers may have
	frames  int64 // what appends leave
	receive int64 // what receive buffers leave
	control int64 // what large frames leave

	over *telemetry.Counter // frames and answers that the network's budget refused
}

func newBudgets(bytes int64, over *telemetry.Counter) budgets {
	return budgets{
		network: bytes / networkShare, frames: bytes / frameShare, receive: bytes / receiveShare, control: bytes / controlShare,
		over: over,
	}
}

// most is what a purpose may have of the shard's memory, bytes.
func (b *budgets) most(p arena.Purpose, total int64) int64 {
	switch p {
	case arena.Receive:
		return total - b.receive
	case arena.Frames:
		return b.network
	case arena.Append:
		return total - b.frames
	case arena.Cache:
		return total - b.frames
	case arena.Lent:
		return total - total/lendReserve
	}
	return total
}

// waitShare says what is worth waiting for: a sixth of the arena, which even as
// the next power of two leaves room for other things.
const waitShare = 6

// allocFrame takes memory for a frame or an answer. When there is none it asks
// other shards, so that trying again is worth it.
func (s *shard) allocFrame(n int) *iobuf.Buf {
	var buf *iobuf.Buf
	if s.networkMay(n) {
		buf = s.arena.TryReclaimAlloc(n, arena.Frames)
	}
	if buf == nil {
		buf = s.loans.takeBorrowed(n)
	}
	if buf == nil && n <= s.arenaBytes/waitShare {
		s.allocFailed = true // it will fit when others are done
		s.callForMemory(n, 1, s.r.Now())
	}
	return buf
}

// networkMay reports whether n more bytes for the network leave the others what
// they need.
func (s *shard) networkMay(n int) bool {
	b := &s.budget
	if s.arena.PurposeBytes(arena.Frames)+int64(n) > b.network {
		b.over.Inc()
		return false
	}
	if want := int64(n) + b.control; n > controlMost && s.arena.FreeBytes() < want {
		s.giveUp(int(want - s.arena.FreeBytes()))
		s.arena.Drain()
		return s.arena.FreeBytes() >= want
	}
	return true
}

// allocControl takes memory for an answer of the control plane, to the last.
func (s *shard) allocControl(n int) *iobuf.Buf {
	return s.arena.TryReclaimAlloc(n, arena.Control)
}

// budgetReadings is what every subsystem has and may have.
func (s *shard) budgetReadings(r *telemetry.Readings, st *arena.Stats, label string) {
	for p := range arena.Purposes {
		at := []string{"shard", label, "subsystem", p.String()}
		r.Gauge("memory_used_bytes", "memory of the shard by what it is for", float64(st.PurposeBytes[p]), at...)
		r.Gauge("memory_budget_bytes", "most that a subsystem may have; budgets overlap", float64(s.budget.most(p, st.TotalBytes)), at...)
	}
	r.Counter("memory_lends_total", "spans given to other shards", float64(st.Lends), "shard", label)
	r.Counter("memory_loans_back_total", "of them come home", float64(st.LoansBack), "shard", label)
}
