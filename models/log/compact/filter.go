package compact

import "github.com/ceteris/ceteris/models/batch"

// filterBatch appends to out what stays of a batch.
func (c *Cleaning) filterBatch(b []byte, h *batch.Header) (bool, error) {
	if h.IsControl() {
		c.emit(b, h)
		return true, nil
	}
	it, err := c.v.Records(b, h)
	if err != nil {
		return false, err
	}
	horizon, set := h.DeleteHorizonMs()
	expired := set && c.nowMs >= horizon
	c.keep = c.keep[:0]
	kept, tombstones := 0, false
	records := it
	var r batch.Record
	for {
		more, err := it.Next(&r)
		if err != nil {
			return false, err
		}
		if !more {
			break
		}
		stays := c.stays(h.BaseOffset+int64(r.OffsetDelta), &r, expired)
		if stays {
			kept++
			tombstones = tombstones || r.Tombstone
		}
		c.keep = append(c.keep, stays)
	}
	begins := tombstones && !set // the time of its tombstones
	switch {
	case kept == 0:
		if last, ok := c.last[h.ProducerID]; ok && h.HasProducer() && last == h.LastOffset() {
			at := len(c.out)
			c.out = batch.AppendEmpty(c.out, h)
			c.note(at)
		}
		return true, nil
	case kept == len(c.keep) && !begins:
		c.emit(b, h)
		return true, nil
	}
	c.rw.Begin(h)
	if begins {
		c.rw.SetDeleteHorizon(c.nowMs + c.cfg.DeleteRetentionMs)
	}
	for _, stays := range c.keep {
		if _, err := records.Next(&r); err != nil {
			return false, err
		}
		if stays {
			c.rw.Keep(&r, h)
		}
	}
	at := len(c.out)
	c.out = append(c.out, c.rw.Close()...)
	c.note(at)
	return true, nil
}

// stays decides about one record.
func (c *Cleaning) stays(offset int64, r *batch.Record, expired bool) bool {
	switch {
	case offset > c.m.latest:
		return true // the map does not reach here
	case r.Key == nil:
		return false // from before the log was a compacted one: nobody can ask for it
	case r.Tombstone && expired:
		return false
	}
	return offset >= c.m.get(r.Key)
}

func (c *Cleaning) emit(b []byte, h *batch.Header) {
	c.out = append(c.out, b...)
	c.w.Note(h)
}

// note takes the batch at the end of out into the indexes.
func (c *Cleaning) note(at int) {
	var h batch.Header
	if err := batch.Parse(c.out[at:], &h); err != nil {
		panic("compact: a batch just written does not parse: " + err.Error())
	}
	c.w.Note(&h)
}
