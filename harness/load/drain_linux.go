package load

// drain follows one tail consumer's connection from the end of its pause until it
// has what gathered meanwhile.
type drain struct {
	resumed bool
	fromNs  int64
	// behind is the acknowledged end of each partition when the consumer went on,
	// ahead when its last fetch was sent.
	behind, ahead []int64
	begin         int64 // sum of its offsets when it went on
	bytes         int64 // record batches fetched since
	seen          Backlog
}

// fetching reports whether the consumer may fetch now, and notes that it goes on.
func (d *drain) fetching(t *tail, w *worker, now int64) bool {
	switch {
	case now < w.startNs:
		return true
	case now < w.resumeNs:
		return false
	case d.seen.CaughtUpNs > 0:
		return true
	case !d.resumed:
		d.resumed, d.fromNs, d.begin, d.bytes = true, now, sumOf(t.at), 0
		d.behind, d.ahead = make([]int64, len(t.parts)), make([]int64, len(t.parts))
		d.seen.DrainNs, d.seen.CaughtUpNs = -1, -1
		for k, p := range t.parts {
			d.behind[k] = w.target[p].Load()
			d.seen.Records += max(0, d.behind[k]-t.at[k])
		}
	}
	for k, p := range t.parts {
		d.ahead[k] = w.target[p].Load()
	}
	return true
}

// received looks whether a response has brought the last of the backlog.
func (d *drain) received(t *tail) {
	if !d.resumed || d.seen.CaughtUpNs > 0 {
		return
	}
	if d.seen.DrainNs < 0 && reached(t.at, d.behind) {
		d.seen.DrainNs = max(t.receipt-d.fromNs, 1)
		d.seen.Fetched, d.seen.Bytes = sumOf(t.at)-d.begin, d.bytes
	}
	if d.seen.DrainNs > 0 && reached(t.at, d.ahead) {
		d.seen.CaughtUpNs = max(t.receipt-d.fromNs, 1)
	}
}

// ended is what became of the backlog; a consumer that never went on drained
// nothing.
func (d *drain) ended() *Backlog {
	if !d.resumed {
		d.seen.DrainNs, d.seen.CaughtUpNs = -1, -1
	}
	return &d.seen
}

func reached(at, ends []int64) bool {
	for k, end := range ends {
		if at[k] < end {
			return false
		}
	}
	return true
}

func sumOf(v []int64) int64 {
	sum := int64(0)
	for _, x := range v {
		sum += x
	}
	return sum
}
