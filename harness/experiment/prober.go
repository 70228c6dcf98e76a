package experiment

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/probe"
	"github.com/ceteris/ceteris/harness/stats"
)

// probeSpareNs is what a probe may differ from the generator beside its factor: it
// sleeps for each answer where the generator may poll. It is the certificate's.
const probeSpareNs = 30_000

// askBeside starts the cell's probe, where the experiment wants one.
func (a *attempt) askBeside() {
	if a.r.e.ProbePerSecond == 0 {
		return
	}
	o := probe.Options{Addr: a.b.Ready.Listen, PerSec: a.r.e.ProbePerSecond, CPU: -1, Beside: true}
	if a.r.pinned {
		o.CPU, o.Beside = a.r.probeCPU()
	}
	a.prober = probe.Start(o)
}

// asked ends the probe, if one runs, and keeps what it saw.
func (a *attempt) asked() {
	if a.prober == nil {
		return
	}
	s, h, err := a.prober.End()
	a.prober, a.rec.Prober = nil, &s
	if err == nil {
		err = writeProbe(filepath.Join(a.dir, "probe.hlog"), h)
	}
	if err != nil {
		a.gate("probe", false, true, err.Error())
	}
}

// writeProbe writes the probe's round trips as one interval, which nothing truncates.
func writeProbe(path string, h *hdr.Histogram) error {
	h.SetTag("probe")
	var b bytes.Buffer
	if err := hdr.NewHistogramLogWriter(&b).OutputIntervalHistogram(h); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// agrees: the generator's own idea of how long the broker took, beside that of a
// client that shares nothing with it. Advisory: they ask for different things, a
// record of 1 KiB and the workload's batch, and either may have met a disturbance.
func (a *attempt) agrees(s *load.Summary) {
	p := a.rec.Prober
	if p == nil {
		return
	}
	for _, x := range []struct {
		name            string
		percentile      float64
		probe, services int64
	}{{"probe", 50, p.P50Ns, s.Service.P50Ns}, {"probe-p99", 99, p.P99Ns, s.Service.P99Ns}} {
		if need := stats.MinSamples(x.percentile); p.Requests < need {
			if x.percentile == 50 {
				a.gate(x.name, false, true, fmt.Sprintf("%d round trips, want %d", p.Requests, need))
			}
			continue
		}
		of := math.Exp(math.Abs(math.Log(float64(max(1, x.probe)) / float64(max(1, x.services)))))
		near := max(x.probe-x.services, x.services-x.probe) <= probeSpareNs
		a.gate(x.name, near || of <= a.r.e.ProbeFactor, true, fmt.Sprintf("p%v of %d round trips of the probe %v, of the generator's requests %v: %.2f times, limit %v times or %v",
			x.percentile, p.Requests, time.Duration(x.probe), time.Duration(x.services), of, a.r.e.ProbeFactor, time.Duration(probeSpareNs)))
	}
	if p.Failed > 0 {
		a.gate("probe-answers", false, true, fmt.Sprintf("%d of %d requests of the probe failed", p.Failed, p.Failed+p.Requests))
	}
}
