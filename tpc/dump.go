package tpc

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// refusalLogNs is how often a refusal for want of memory is logged, and dumpNs
// how often all that holds memory with it.
const (
	refusalLogNs = 1e9
	dumpNs       = 10e9
)

// exhausted reports a refusal for want of memory.
func (s *shard) exhausted(p *ownedPartition) {
	s.refusals.Inc()
	now := s.r.Now()
	if s.refusedNs != 0 && now-s.refusedNs < refusalLogNs {
		return
	}
	s.refusedNs = max(now, 1)
	s.b.logf("shard %d: out of memory for an append to %s-%d: %d bytes free", s.id, p.Topic, p.Index, s.arena.FreeBytes())
	if s.budget.dumpedNs != 0 && now-s.budget.dumpedNs < dumpNs {
		return
	}
	s.budget.dumpedNs = max(now, 1)
	var out bytes.Buffer
	s.dumpMemory(&out)
	s.b.logf("%s", out.String())
}

// dumpMemory writes who has the shard's memory. On the shard's thread.
func (s *shard) dumpMemory(w io.Writer) {
	fmt.Fprintf(w, "shard %d: memory\n", s.id)
	total := int64(s.arenaBytes)
	for p := range arena.Purposes {
		fmt.Fprintf(w, "%12s %12d bytes, at most %d\n", p, s.arena.PurposeBytes(p), s.budget.most(p, total))
	}
	windows := 0
	for o := s.windows.next; o != &s.windows; o = o.next {
		windows++
	}
	l := &s.loans
	fmt.Fprintf(w, "chunks of %d bytes: %d clean, %d reserved, %d in borrowed memory; tails in memory: %d; windows: %d\n",
		s.chunkBytes, len(s.evict)-s.evictHead, len(s.spare), len(l.chunks), len(s.warm.list), windows)
	fmt.Fprintf(w, "borrowed spans unused: %d; asked %d times, got %d spans, refused %d times; called back %d times\n",
		len(l.pool), l.borrows.Load(), l.borrowed.Load(), l.refusals.Load(), l.recalls.Load())
	fmt.Fprintf(w, "waiting: %d appends, %d connections; refused: %d appends, %d frames over the network's budget\n",
		s.hungry.n, len(s.starved), s.refusals.Load(), s.budget.over.Load())
	_ = s.arena.Dump(w)
}

// dumpWait is how long a shard may take to say what it has.
const dumpWait = 2 * time.Second

// serveMemory answers GET /memory on the admin port.
func (b *Broker) serveMemory(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet {
		http.Error(w, "GET shows every shard's memory", http.StatusMethodNotAllowed)
		return
	}
	for _, s := range b.shards {
		text := make(chan []byte, 1)
		s.r.Post(reactor.Func(func() {
			var out bytes.Buffer
			s.dumpMemory(&out)
			text <- out.Bytes()
		}))
		select {
		case dump := <-text:
			_, _ = w.Write(dump)
		case <-time.After(dumpWait):
			fmt.Fprintf(w, "shard %d does not answer\n", s.id)
		}
	}
}

// largeAllocation warns of the first span of each size above the data path's. A
// frame with one batch of the size that the broker allows is none: it is received
// straight into its own memory and decoded there, which spares a copy and needs it
// in one piece, and it is gone when its bytes are in the chunks.
func (s *shard) largeAllocation(n int, p arena.Purpose) (reported bool) {
	if p == arena.Frames && int64(n) <= s.b.cfg.Int("message.max.bytes")+frameOverhead {
		return false
	}
	s.b.logf("shard %d: an allocation of %d bytes for %s is above the data path's %d: such spans break memory up",
		s.id, n, p, arena.DataPathBytes)
	return true
}

// frameOverhead is what a produce request has besides one batch, names of usual
// length included, bytes.
const frameOverhead = 1 << 10
