package compact

import (
	"errors"
	"fmt"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// Need is what a cleaning wants done next.
type Need uint8

const (
	// NeedIO wants [Cleaning.IO], which blocks, on any goroutine.
	NeedIO Need = iota
	// NeedCPU wants [Cleaning.CPU], which is short, on any thread.
	NeedCPU
	// NeedSwap wants [Cleaning.Swap] from the log's writer.
	NeedSwap
	// Finished: Err says how it went.
	Finished
)

// Options are what a shell brings along.
type Options struct {
	FS          disk.FS
	Logs        *log.Dir
	BufferBytes int64 // for the map of keys
	// Attach opens a new segment's file at path for the shell's own I/O. Blocks.
	Attach func(s *log.Segment, path string) error
}

// Cleaning is one round over one log. While it goes on the log may grow and be
// read, but nobody else may take segments out of it. One thread at a time.
type Cleaning struct {
	o     Options
	l     *log.Log
	tp    log.TP
	cfg   log.Config
	nowMs int64
	last  map[int64]int64 // producer id → last offset of its latest batch
	first int64           // where the dirty part begins
	end   int64           // where the round ends
	segs  []*log.Segment  // below end: what is not rewritten yet

	need Need
	step func() error
	err  error
	give bool

	m    *keyMap
	src  source
	out  []byte
	w    *log.Rewrite
	v    batch.Validator
	rw   batch.Rewriter
	keep []bool
}

// Begin starts a round over what Examine has found. Writer only.
func Begin(o Options, l *log.Log, c Candidate, nowMs int64) *Cleaning {
	n := &Cleaning{
		o: o, l: l, tp: log.TP{Topic: l.Topic, Index: l.Index}, cfg: l.Config(), nowMs: nowMs,
		last: l.LastBatches(), first: c.First, end: c.End,
	}
	for _, s := range l.Segments() {
		if s.Base < c.End {
			n.segs = append(n.segs, s)
		}
	}
	n.src = source{fs: o.FS, dir: l.Path()}
	n.then(NeedIO, n.begin)
	return n
}

// Need is what has to be called next.
func (c *Cleaning) Need() Need { return c.need }

// Err is why the round failed, nil when it did not. A log whose round failed is
// not to be compacted again before a restart has recovered it.
func (c *Cleaning) Err() error { return c.err }

// GiveUp ends the round as soon as it can be left. The next round begins where
// this one did; what it has replaced already stays.
func (c *Cleaning) GiveUp() { c.give = true }

func (c *Cleaning) then(n Need, step func() error) { c.need, c.step = n, step }

// IO does the next piece that blocks.
func (c *Cleaning) IO() { c.run(NeedIO) }

// CPU does the next piece that only computes.
func (c *Cleaning) CPU() { c.run(NeedCPU) }

func (c *Cleaning) run(n Need) {
	if c.need != n {
		panic(fmt.Sprintf("compact: step of kind %d, want %d", n, c.need))
	}
	if err := c.step(); err != nil {
		c.err = fmt.Errorf("compacting %s: %w", c.tp, err)
	} else if !c.give || c.need == NeedSwap || c.need == Finished {
		return
	}
	if c.need == NeedCPU || n == NeedCPU { // closing blocks
		c.then(NeedIO, c.leave)
		return
	}
	if err := c.leave(); err != nil && c.err == nil {
		c.err = fmt.Errorf("compacting %s: %w", c.tp, err)
	}
}

// leave closes and removes what is half done.
func (c *Cleaning) leave() error {
	c.need = Finished
	err := c.src.close()
	if c.w != nil {
		err = errors.Join(err, c.w.Abandon())
		c.w = nil
	}
	return err
}

// begin makes room.
func (c *Cleaning) begin() error {
	if err := log.RemoveCleaned(c.o.FS, c.l.Path()); err != nil {
		return err
	}
	c.m = newKeyMap(c.o.BufferBytes, c.end-c.first)
	for i, s := range c.segs {
		if s.Base <= c.first {
			c.src.segs = c.segs[i:]
		}
	}
	return c.readKeys()
}

// readKeys reads the next piece of the dirty part.
func (c *Cleaning) readKeys() error {
	more, err := c.src.fill()
	if err != nil {
		return err
	}
	if !more {
		c.m.latest = max(c.m.latest, c.end-1) // what ends in a gap has been seen too
		return c.mapped()
	}
	c.then(NeedCPU, c.mapKeys)
	return nil
}

// mapKeys takes a piece into the map.
func (c *Cleaning) mapKeys() error {
	more, err := c.src.each(c.mapBatch)
	if err != nil {
		return err
	}
	c.then(NeedIO, c.readKeys)
	if !more {
		c.end = c.m.latest + 1 // the rest is for the next round
		c.then(NeedIO, c.mapped)
	}
	return nil
}

func (c *Cleaning) mapBatch(b []byte, h *batch.Header) (bool, error) {
	if h.LastOffset() < c.first {
		return true, nil
	}
	if !h.IsControl() {
		it, err := c.v.Records(b, h)
		if err != nil {
			return false, err
		}
		var r batch.Record
		for {
			more, err := it.Next(&r)
			if err != nil {
				return false, err
			}
			if !more {
				break
			}
			offset := h.BaseOffset + int64(r.OffsetDelta)
			if r.Key != nil && offset >= c.first && !c.m.put(r.Key, offset) {
				return false, nil
			}
		}
	}
	c.m.latest = max(c.m.latest, h.LastOffset())
	return true, nil
}

// mapped goes over to copying.
func (c *Cleaning) mapped() error {
	if err := c.src.close(); err != nil {
		return err
	}
	reach := c.l.NextBase(c.segs[len(c.segs)-1])
	for n := len(c.segs); c.segs[n-1].Base >= c.end; n-- {
		reach, c.segs = c.segs[n-1].Base, c.segs[:n-1]
	}
	if err := c.o.Logs.BeginCompaction(c.tp, reach); err != nil {
		return err
	}
	return c.nextGroup()
}

// nextGroup begins a new segment, or ends the round.
func (c *Cleaning) nextGroup() error {
	if len(c.segs) == 0 {
		c.need = Finished
		return c.o.Logs.EndCompaction(c.tp, c.end)
	}
	n := group(c.segs, c.l.NextBase(c.segs[len(c.segs)-1]), &c.cfg)
	w, err := log.NewRewrite(c.o.FS, c.l.Path(), c.segs[:n:n], c.cfg.IndexIntervalBytes)
	if err != nil {
		return err
	}
	c.w = w
	c.src.segs, c.src.pos = c.segs[:n:n], 0
	c.segs = c.segs[n:]
	return c.copyOn()
}

// copyOn writes what was kept of the last piece and reads the next.
func (c *Cleaning) copyOn() error {
	if err := c.w.Append(c.out); err != nil {
		return err
	}
	c.out = c.out[:0]
	more, err := c.src.fill()
	if err != nil {
		return err
	}
	if more {
		c.then(NeedCPU, c.filter)
		return nil
	}
	w := c.w
	c.w = nil // from here on it is not abandoned
	if err := w.Commit(); err != nil {
		return err
	}
	if err := c.o.Attach(w.Seg, w.SwapPath()); err != nil {
		return err
	}
	c.w = w
	c.need = NeedSwap
	return nil
}

// Swap puts the new segment into the log and returns the segments it replaces,
// whose files the shell closes when nobody reads from them any more. What the
// shell has cached under their bases means nothing from now on. Writer only.
func (c *Cleaning) Swap() []*log.Segment {
	if c.need != NeedSwap {
		panic(fmt.Sprintf("compact: swap, want step of kind %d", c.need))
	}
	w := c.w
	c.l.Replace(w)
	c.w = nil
	c.then(NeedIO, func() error {
		if err := w.Finish(); err != nil {
			return err
		}
		if c.give && len(c.segs) > 0 {
			return nil
		}
		return c.nextGroup()
	})
	return w.Old
}

// filter copies what stays of a piece.
func (c *Cleaning) filter() error {
	if _, err := c.src.each(c.filterBatch); err != nil {
		return err
	}
	c.then(NeedIO, c.copyOn)
	return nil
}
