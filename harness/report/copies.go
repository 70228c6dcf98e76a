package report

import (
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/models/telemetry"
)

// CopyRow is what is copied at one place, per byte of acknowledged record
// values. Frames and batches are copied with their headers, so one copy is a
// little more than 1.
type CopyRow struct {
	Place   string       `json:"place"`
	PerByte stats.Number `json:"copied_bytes_per_byte"`
}

// copied sums what the brokers copied in user space. all says that every window
// has its look.
func (c *Cost) copied(looks []*look, all bool) {
	const name, why = "ceteris_copied_bytes_total", "the model does not count what it copies"
	var payload float64
	for _, x := range looks {
		payload += x.payload
	}
	n, ok := grown(looks, name)
	c.Copied = over(n, payload, ok && all, why)
	if !c.Copied.OK() {
		return
	}
	for at := range telemetry.CopyPlaces {
		n, _ := grownWhere(looks, name, `place="`+at.String()+`"`)
		c.Copies = append(c.Copies, CopyRow{at.String(), over(n, payload, true, why)})
	}
}
