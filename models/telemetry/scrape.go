package telemetry

import (
	"io"
	"strconv"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Stages is what the threads counted since the start or the last reset.
type Stages struct {
	Bank      *Bank
	Recorders int   // threads that record
	Stale     int   // of them without an answer in time: their latest requests are not in
	SinceMs   int64 // wall clock
	UntilMs   int64
}

// Stages collects every recorder and returns their sum. It waits at most
// [ScrapeWait] for threads that do not pass their Poll.
func (g *Registry) Stages() *Stages {
	g.scraping.Lock()
	defer g.scraping.Unlock()
	recorders, stale := g.gather()
	out := &Stages{Bank: &Bank{}, Recorders: len(recorders), Stale: stale, SinceMs: g.sinceMs, UntilMs: WallMs()}
	for i := range recorders {
		out.Bank.merge(recorders[i].r.total)
	}
	return out
}

// ResetStages starts the stages anew, as after a warm-up. What a thread records
// between this call and its next Poll belongs to the old count if the thread did
// not pass in time, so nothing from before the reset shows after it.
func (g *Registry) ResetStages() {
	g.scraping.Lock()
	defer g.scraping.Unlock()
	recorders, _ := g.gather()
	for i := range recorders {
		recorders[i].r.reset()
	}
	g.sinceMs = WallMs()
}

// gather asks every recorder and collects those that answer in time. Under
// g.scraping.
func (g *Registry) gather() (recorders []recorder, stale int) {
	g.mu.Lock()
	recorders = append(recorders, g.recorders...)
	g.mu.Unlock()
	for i := range recorders {
		recorders[i].r.ask()
		if recorders[i].wake != nil {
			recorders[i].wake()
		}
	}
	answered := make([]bool, len(recorders))
	stale = len(recorders)
	for deadline := Now() + int64(ScrapeWait); stale > 0; {
		for i := range recorders {
			if !answered[i] && recorders[i].r.collect() {
				answered[i] = true
				stale--
			}
		}
		if stale == 0 || Now() >= deadline {
			break
		}
		time.Sleep(200 * time.Microsecond)
	}
	return recorders, stale
}

// Tag is how a class and a stage are named in an HdrHistogram log.
func Tag(c Class, s Stage) string { return c.String() + "/" + s.String() }

// WriteLog writes the stages as an HdrHistogram log (format 1.3, payload V2): a
// line for each class and stage, and for each span, that counted anything, tagged class/Stage,
// values in ns, timestamps in seconds since the epoch.
func (st *Stages) WriteLog(w io.Writer) error {
	lw := hdr.NewHistogramLogWriter(w)
	head := []func() error{
		lw.OutputLogFormatVersion,
		func() error {
			return lw.OutputComment("[Ceteris stages of " + strconv.Itoa(st.Recorders) + " threads]")
		},
		func() error { return lw.OutputComment("[Stale threads: " + strconv.Itoa(st.Stale) + "]") },
		func() error {
			return lw.OutputComment("[Mended stamps: " + strconv.FormatUint(st.Bank.mended(), 10) + "]")
		},
		func() error { return lw.OutputStartTime(st.SinceMs) },
		lw.OutputLegend,
	}
	for _, write := range head {
		if err := write(); err != nil {
			return err
		}
	}
	write := func(tag string, h *Histogram) error {
		if h.Count == 0 {
			return nil
		}
		out := h.HDR()
		out.SetTag(tag)
		out.SetStartTimeMs(st.SinceMs)
		out.SetEndTimeMs(st.UntilMs)
		return lw.OutputIntervalHistogram(out)
	}
	for c := range ClassCount {
		for s := range StageCount {
			if err := write(Tag(c, s), &st.Bank.Stages[c][s]); err != nil {
				return err
			}
		}
	}
	for s := range SpanCount {
		if err := write(s.String(), &st.Bank.Spans[s]); err != nil {
			return err
		}
	}
	return nil
}

// mended is how many stamps were missing or went backwards.
func (b *Bank) mended() uint64 {
	var n uint64
	for c := range b.Missing {
		for t := range b.Missing[c] {
			n += b.Missing[c][t] + b.Backwards[c][t]
		}
	}
	return n
}
