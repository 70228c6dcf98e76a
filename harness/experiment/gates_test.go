package experiment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// TestSlipGate: of 10,000 requests as many may be late as waited for their connection's
// cap, and one in a hundred of the others.
func TestSlipGate(t *testing.T) {
	cases := []struct {
		name                    string
		slipNs, responseNs, cap int64
		late                    int // of 20 intervals, in which all are
		driver                  string
		ok                      bool
	}{
		{"on time", 1_000, 100_000, 0, 20, workloads.Raw, true},
		{"below what is resolved", 20_000, 50_000, 0, 20, workloads.Raw, true},
		{"late", 30_000, 100_000, 0, 20, workloads.Raw, false},
		{"late, but little beside the response", 90_000, 1_000_000, 0, 20, workloads.Raw, true},
		{"held back by the broker", 9_000_000, 10_000_000, 500, 1, workloads.Raw, true},
		{"late, and one was held back", 9_000_000, 10_000_000, 1, 1, workloads.Raw, false},
		{"all late, half held back", 9_000_000, 10_000_000, 5000, 20, workloads.Raw, false},
		{"all held back", 9_000_000, 10_000_000, 10_000, 20, workloads.Raw, true},
		{"held back behind the send", 9_000_000, 10_000_000, 500, 1, workloads.Franz, false},
	}
	for _, c := range cases {
		for _, class := range []host.Class{host.ClassB, host.ClassC} {
			a := &attempt{rec: &result.CellRecord{}, dir: t.TempDir()}
			writeLog(t, filepath.Join(a.dir, "slip.hlog"), func(i int) int64 {
				if i < c.late {
					return c.slipNs
				}
				return 1000
			})
			s := &load.Summary{CapHits: c.cap, Driver: c.driver}
			s.Slip.P99Ns, s.Response.P99Ns = c.slipNs, c.responseNs
			a.slip(s, class)
			if g := a.rec.Gates[0]; g.OK != c.ok || !g.OK && g.Advisory != (class == host.ClassC) {
				t.Errorf("%s: %+v, want ok %v, advisory on class C only", c.name, g, c.ok)
			}
		}
	}
}

// TestOthers: what the generator does while the noise is read and its window has not
// begun is not others' doing.
func TestOthers(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "sys/devices/system/cpu"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "sys/devices/system/cpu/online"), []byte("0-1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	broker := int64(1_500_000_000)
	for _, c := range []struct {
		othersMs int64
		want     string
	}{{0, "0.0000 of"}, {206, "0.0500 of"}} {
		rec := &result.CellRecord{Load: load.Summary{CPUNs: 2e9, StartMonotonicNs: 1, EndMonotonicNs: 2e9 + 1}}
		rec.Server.CPURunNs, rec.Server.LagNs, rec.Server.WindowNs = &broker, -60e6, 2.06e9
		rec.Noise = host.Noise{StealMs: -1, ThrottledUs: -1, PSIMemoryUs: -1, BusyMs: 1500 + 2060 + c.othersMs, AtNs: 2.06e9}
		a := &attempt{rec: rec, r: &runner{machine: host.Machine{Root: root}, run: &result.Run{}}}
		a.disturbed()
		if g := rec.Gates[0]; g.Name != "others" || !strings.HasPrefix(g.Detail, c.want) {
			t.Errorf("%+v, want %s", g, c.want)
		}
	}
}

// TestMoreConnectionsThanAsked: an arm with more leaders than the workload has
// connections gets more of them than the other arms, and as many times what a
// connection may have outstanding, which is told.
func TestMoreConnectionsThanAsked(t *testing.T) {
	for got, marked := range map[int]bool{2: false, 4: true} {
		a := &attempt{rec: &result.CellRecord{}, c: &cell{spec: workloads.CellSpec{Workload: &workloads.Workload{Connections: 2, Inflight: 8}}}}
		a.connected(&load.Summary{Connections: got})
		if n := len(a.rec.Gates); (n == 1) != marked || marked && (a.rec.Gates[0].OK || !a.rec.Gates[0].Advisory || !strings.HasPrefix(a.rec.Gates[0].Detail, "4 connections, one for every leader, where 2 were asked for: up to 32 requests outstanding instead of 16")) {
			t.Errorf("%d connections: %+v", got, a.rec.Gates)
		}
	}
}

// TestMissingIdleConnections: silent connections that the broker has ended are told.
func TestMissingIdleConnections(t *testing.T) {
	for there, marked := range map[int]bool{10: false, 9: true} {
		a := &attempt{rec: &result.CellRecord{}, c: &cell{spec: workloads.CellSpec{Workload: &workloads.Workload{Connections: 1, IdleConnections: 10}}}}
		a.connected(&load.Summary{Connections: 1, Idle: there})
		if n := len(a.rec.Gates); (n == 1) != marked || marked && (a.rec.Gates[0].OK || !a.rec.Gates[0].Advisory) {
			t.Errorf("%d of 10 idle connections: %+v", there, a.rec.Gates)
		}
	}
}

// TestMarkedClasses: reaching the cap and giving up mark a cell for every class of
// requests, and none is left out for it.
func TestMarkedClasses(t *testing.T) {
	a := &attempt{rec: &result.CellRecord{}}
	s := &load.Summary{Classes: []load.ClassSummary{
		{Class: workloads.Metadata, Intended: 10, Acked: 10},
		{Class: workloads.TailFetch, Intended: 10, Acked: 7, CapHits: 4, Censored: 3, Outstanding: 1, Unsent: 2, Clamped: 5},
	}}
	a.marked(s)
	a.classes(s)
	marks := map[string]string{}
	for _, g := range a.rec.Gates {
		if !g.OK {
			marks[g.Name] = g.Detail
			if !g.Advisory {
				t.Errorf("%s leaves the cell out", g.Name)
			}
		}
	}
	if len(marks) != 3 || !strings.HasPrefix(marks["range "+workloads.TailFetch], "5 times were longer") || !strings.HasPrefix(marks["cap "+workloads.TailFetch], "4 of 10 requests") ||
		!strings.Contains(marks["censored "+workloads.TailFetch], "3 of 10 requests are in the histograms as censored: 0 failed, 1 unanswered, 2 never sent") {
		t.Errorf("got %v", marks)
	}
}

// TestStaleStages: a log of stages that lacks a thread's marks the cell.
func TestStaleStages(t *testing.T) {
	for _, c := range []struct {
		log string
		ok  bool
	}{{"#[Recorders: 3]\n#[Stale threads: 0]\n", true}, {"#[Recorders: 3]\n#[Stale threads: 2]\n", false}} {
		a := &attempt{rec: &result.CellRecord{}}
		a.toldBy([]byte(c.log))
		if g := a.rec.Gates; len(g) != 1 || g[0].OK != c.ok || !g[0].Advisory {
			t.Errorf("%q: %+v", c.log, g)
		}
	}
	a := &attempt{rec: &result.CellRecord{}}
	if a.toldBy(nil); len(a.rec.Gates) != 0 {
		t.Errorf("without a log: %+v", a.rec.Gates)
	}
}
