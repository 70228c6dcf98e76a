package experiment

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// progress tells a person how far a run is: a bar with the time left on a
// terminal, one line per cell anywhere else.
type progress struct {
	out        io.Writer
	terminal   bool
	total      int
	ended      int           // cells, those of earlier sessions too
	here       int           // cells ended in this process
	spent      time.Duration // on those
	perCell    time.Duration // what the plan expects
	started    time.Time     // of the current cell
	current    string
	stop, idle chan struct{} // of the ticking bar
}

func newProgress(o Options, e *workloads.Experiment, total, ended int) *progress {
	return &progress{out: o.Out, terminal: o.Terminal, total: total, ended: ended, perCell: Estimate(e, 1, 0)}
}

// left is the time the rest takes: by the pace so far, or by the plan.
func (p *progress) left() time.Duration {
	pace := p.perCell
	if p.here > 0 {
		pace = p.spent / time.Duration(p.here)
	}
	rest := time.Duration(p.total-p.ended) * pace
	if p.current != "" {
		rest -= min(time.Since(p.started), pace)
	}
	return rest.Round(time.Second)
}

func (p *progress) begin(c *cell) {
	p.started, p.current = time.Now(), c.Key()
	if !p.terminal {
		return
	}
	p.stop, p.idle = make(chan struct{}), make(chan struct{})
	p.draw()
	go func(stop, idle chan struct{}) {
		defer close(idle)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				p.draw()
			}
		}
	}(p.stop, p.idle)
}

// barWidth is in characters.
const barWidth = 24

func (p *progress) draw() {
	full := barWidth * p.ended / max(p.total, 1)
	fmt.Fprintf(p.out, "\r\x1b[K%s%s %d/%d  %s  %v left",
		strings.Repeat("█", full), strings.Repeat("░", barWidth-full), p.ended, p.total, p.current, p.left())
}

// quiet ends the ticking, so that one goroutine at a time touches the fields.
func (p *progress) quiet() {
	if p.stop != nil {
		close(p.stop)
		<-p.idle
		p.stop = nil
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) end(c *cell, rec *result.CellRecord) {
	p.quiet()
	p.spent += time.Since(p.started)
	p.ended++
	p.here++
	p.current = ""
	fmt.Fprintf(p.out, "%*d/%d  %-44s %s  %v left\n", len(fmt.Sprint(p.total)), p.ended, p.total, c.Key(), verdict(rec), p.left())
}

// grow adds cells to the plan.
func (p *progress) grow(n int) { p.total += n }

func (p *progress) close() { p.quiet() }

// oneLine joins what several errors say.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// verdict is one cell in a few words.
func verdict(rec *result.CellRecord) string {
	if rec.Error != "" {
		return "FAILED " + oneLine(rec.Error)
	}
	words := fmt.Sprintf("p50 %s  p99 %s  %.1f CPU-µs/msg",
		micros(rec.Load.Response.P50Ns), micros(rec.Load.Response.P99Ns), rec.CPUPerMessageNs/1e3)
	var marks []string
	for _, g := range rec.Gates {
		if g.OK {
			continue
		}
		if g.Advisory {
			marks = append(marks, g.Name)
		} else {
			marks = append(marks, "INVALID "+g.Name+": "+g.Detail)
		}
	}
	if len(marks) > 0 {
		words += "  [" + strings.Join(marks, "; ") + "]"
	}
	return words
}

// micros writes ns as µs with three significant digits.
func micros(ns int64) string {
	us := float64(ns) / 1e3
	switch {
	case us >= 100:
		return fmt.Sprintf("%.0f µs", us)
	case us >= 10:
		return fmt.Sprintf("%.1f µs", us)
	}
	return fmt.Sprintf("%.2f µs", us)
}
