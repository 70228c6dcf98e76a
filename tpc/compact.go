package tpc

import (
	"fmt"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/log/compact"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// compactionShares is what compaction gets of a shard that is busy with
// requests, of their [reactor.MaxShares].
const compactionShares = 100

// cleaner compacts the shard's logs, one at a time. What blocks is file work;
// what computes are short steps of a scheduling group, between which requests
// are served; the swap of segments is the owner's, and so a plain call.
type cleaner struct {
	s        *shard
	group    *reactor.Group
	p        *ownedPartition // whose log is being compacted, nil while none is
	run      *compact.Cleaning
	search   search
	lookedNs int64 // when no log wanted it
}

// begin is called on the shard's thread.
func (c *cleaner) begin(s *shard) (err error) {
	c.s, c.lookedNs = s, s.r.Now()
	c.group, err = s.r.NewGroup("compaction", compactionShares)
	return err
}

// look is housekeeping: it looks for the dirtiest log when it is time.
func (c *cleaner) look(nowNs int64) {
	cfg := &c.s.b.cfg
	if c.p == nil && !c.search.running && !c.s.stopping && cfg.Int("log.cleaner.enable") != 0 && (nowNs-c.lookedNs)/1e6 >= cfg.Int("log.cleaner.backoff.ms") {
		c.lookedNs = c.s.r.Now()
		c.search = search{c: c, at: len(c.s.partList), running: true}
		c.group.Go(&c.search)
	}
}

// search is one walk over the shard's partitions for the dirtiest log, from the
// last to the first: what disown moves has been looked at already. Among equals
// the name decides, so that a simulation can be repeated.
type search struct {
	c       *cleaner
	at      int // those below are still to be looked at
	running bool
	p       *ownedPartition // the dirtiest so far
	ratio   float64
}

// Step looks at a few partitions, and begins with the dirtiest after the last.
func (w *search) Step() (more bool) {
	s := w.c.s
	before := s.looked
	w.at = min(w.at, len(s.partList))
	for n := 0; n < stepItems && w.at > 0 && !s.stopping; n++ {
		w.at--
		s.looked++
		p := s.partList[w.at]
		found, wanted := w.c.examine(p)
		if r := found.Ratio(); wanted && (w.p == nil || r > w.ratio || r == w.ratio && p.dir < w.p.dir) {
			w.p, w.ratio = p, r
		}
	}
	s.noteStep(before)
	if w.at > 0 && !s.stopping {
		return true
	}
	w.running = false
	if p := w.p; p != nil && s.parts[partKey{p.ID, p.Index}] == p { // it may have gone since
		if found, wanted := w.c.examine(p); wanted {
			w.c.clean(p, found)
		}
	}
	return false
}

// examine tells what there is to compact of a partition's log, and whether that
// is worth it.
func (c *cleaner) examine(p *ownedPartition) (found compact.Candidate, wanted bool) {
	cfg := p.Log.Config()
	if !cfg.Cleanup.Compacts() || p.leaves() || p.uncleanable {
		return found, false
	}
	// What the device does not have yet, or recovery would look at, stays as it is.
	limit := min(p.HighWatermark().Offset, p.synced.Load())
	found = compact.Examine(p.Log, p.Log.Compacted(), limit, c.s.nowMs())
	return found, found.Wanted(&cfg)
}

// clean begins with a log.
func (c *cleaner) clean(p *ownedPartition, found compact.Candidate) {
	s := c.s
	c.p = p
	p.jobs++ // until the end, so that the partition neither leaves nor is forgotten
	c.run = compact.Begin(compact.Options{
		FS: s.b.fs, Logs: s.b.control.Logs(),
		BufferBytes: s.b.cfg.Int("log.cleaner.dedupe.buffer.size") / int64(len(s.b.shards)),
		Attach: func(seg *log.Segment, path string) (err error) {
			seg.File, err = s.b.openSegment(path)
			return err
		},
	}, p.Log, found, s.nowMs())
	c.goOn()
}

// leaves reports whether the partition is not to be begun with, and one that was
// is to be left.
func (p *ownedPartition) leaves() bool {
	return p.gone || p.moving || p.Failed() || p.s.stopping
}

// goOn gets done what is needed next.
func (c *cleaner) goOn() {
	if c.p.leaves() {
		c.run.GiveUp()
	}
	switch c.run.Need() {
	case compact.NeedIO:
		run := c.run
		c.s.fileWork(c.p, func() error { run.IO(); return nil }, func(error) { c.goOn() })
	case compact.NeedCPU:
		c.group.Go(c)
	case compact.NeedSwap:
		c.swap()
		c.goOn()
	case compact.Finished:
		c.end()
	}
}

// Step computes a piece.
func (c *cleaner) Step() (more bool) {
	c.run.CPU()
	c.goOn()
	return false
}

// swap puts a new segment into the log. Chunks and windows of the old ones hold
// bytes that are elsewhere now; readers that have them finish with them, and the
// old files stay open as long as retention's do.
func (c *cleaner) swap() {
	p := c.p
	old := c.run.Swap()
	p.app.chunks.forget(p.Log.NextBase(old[len(old)-1]))
	for _, seg := range old {
		p.windows.forget(seg)
		p.dropLater(&dropJob{p: p, seg: seg, replaced: true})
	}
}

// end looks for the next log at once; when there is none, after a while.
func (c *cleaner) end() {
	p, err := c.p, c.run.Err()
	c.p, c.run = nil, nil
	p.jobs--
	if err != nil {
		p.uncleanable = true
		c.s.b.logf("%v; the log is not compacted again before a restart", err)
	}
	if !c.s.stopping {
		c.s.r.Ready(reactor.Func(func() { c.look(c.s.r.Now() + c.s.b.cfg.Int("log.cleaner.backoff.ms")*1e6) }))
	}
}

// forget drops the chunks of segments below base, which are clean: what they
// hold was replaced. The eviction order still names them.
func (c *chain) forget(base int64) {
	for c.head < len(c.list) && c.list[c.head].segBase < base {
		if c.head >= c.clean {
			panic(fmt.Sprintf("tpc: chunk %d of segment %d is dirty, and all below %d was compacted", c.list[c.head].index, c.list[c.head].segBase, base))
		}
		c.popFront().part = nil
	}
}
