package experiment

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
)

// sampler reads the broker process's counters at the ends of the measured window, and
// once a second those that cost next to nothing to read: within the window the
// harness's work is on somebody's CPU.
type sampler struct {
	machine host.Machine
	pid     int
	origin  time.Time

	mu      sync.Mutex
	phase   string
	rows    []sample
	first   *sample // at measure-start
	last    *sample // at measure-end
	maxRSS  int64   // within the window
	stop    chan struct{}
	stopped chan struct{}
}

type sample struct {
	at    time.Duration
	phase string
	p     host.Process
}

func startSampler(m host.Machine, pid int) *sampler {
	s := &sampler{
		machine: m, pid: pid, origin: time.Now(), phase: "warmup",
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go s.run()
	return s
}

func (s *sampler) run() {
	defer close(s.stopped)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	s.take(s.machine.Outline)
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.take(s.machine.Outline)
		}
	}
}

// take reads the counters once; nil when the process is gone.
func (s *sampler) take(read func(pid int) (host.Process, error)) *sample {
	p, err := read(s.pid)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := sample{at: time.Since(s.origin), phase: s.phase, p: p}
	s.rows = append(s.rows, row)
	if s.phase == "measure" {
		s.maxRSS = max(s.maxRSS, p.RSSBytes)
	}
	return &row
}

// begin and end mark the measured window.
func (s *sampler) begin() {
	s.setPhase("measure")
	s.first = s.take(s.machine.Process)
}

func (s *sampler) end() {
	s.last = s.take(s.machine.Process)
	s.setPhase("drain")
}

func (s *sampler) setPhase(phase string) {
	s.mu.Lock()
	s.phase = phase
	s.mu.Unlock()
}

// close stops sampling and writes the table.
func (s *sampler) close(path string) error {
	close(s.stop)
	<-s.stopped
	var b strings.Builder
	b.WriteString("t_ms,phase,cpu_run_ns,cpu_user_ns,cpu_sys_ns,ctx_voluntary,ctx_involuntary,migrations,rss_bytes,threads,read_bytes,write_bytes\n")
	for _, r := range s.rows {
		fmt.Fprintf(&b, "%d,%s,%s,%d,%d,%s,%s,%s,%d,%d,%s,%s\n", r.at.Milliseconds(), r.phase, cellOf(r.p.RunNs),
			r.p.UserNs, r.p.SysNs, cellOf(r.p.CtxVoluntary), cellOf(r.p.CtxForced), cellOf(r.p.Migrations), r.p.RSSBytes, r.p.Threads,
			cellOf(r.p.ReadBytes), cellOf(r.p.WriteBytes))
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// cellOf leaves a field empty where the kernel does not tell.
func cellOf(v int64) string {
	if v < 0 {
		return ""
	}
	return fmt.Sprint(v)
}

// window returns the differences over the measured window; false when one of
// its ends was not seen.
func (s *sampler) window() (result.ServerCounters, bool) {
	if s.first == nil || s.last == nil {
		return result.ServerCounters{}, false
	}
	a, b := s.first.p, s.last.p
	return result.ServerCounters{
		WindowNs: int64(s.last.at - s.first.at),
		CPURunNs: known(a.RunNs, b.RunNs), CPUUserNs: b.UserNs - a.UserNs, CPUSysNs: b.SysNs - a.SysNs,
		CtxVol: b.CtxVoluntary - a.CtxVoluntary, CtxInvol: b.CtxForced - a.CtxForced,
		Migrations: known(a.Migrations, b.Migrations), MaxRSSBytes: s.maxRSS, Threads: b.Threads,
		ReadBytes: known(a.ReadBytes, b.ReadBytes), WriteBytes: known(a.WriteBytes, b.WriteBytes),
	}, true
}

func known(before, after int64) *int64 {
	if before < 0 || after < 0 {
		return nil
	}
	d := after - before
	return &d
}
