package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// declared is a world whose experiment declares its baseline and sweeps over
// three numbers of connections.
func declared(blocks int) world {
	w := even(blocks)
	w.shape = `loads: {kind: absolute, per_second: [2000]}
probes: [disk, loopback]
workloads:
  - name: 1k
    durability: [process]`
	w.connections, w.endpoints = "[1, 10, 100]", ", baseline: tpc"
	w.inside = true
	return w
}

// TestEfficiency: requests per CPU-second over the declared baseline, the same
// comparison as CPU per message turned over, and bytes beside the probed limits.
func TestEfficiency(t *testing.T) {
	w := declared(2)
	dir := w.make(t)
	for block, disk := range []float64{2e6, 3e6} {
		if err := result.WriteJSON(filepath.Join(dir, result.LimitsPath(block)), result.Limits{DiskPerSec: disk, DiskDepth: 4, LoopbackPerSec: 9e6}); err != nil {
			t.Fatal(err)
		}
	}
	_, a := build(t, dir)
	if a.Baseline != "tpc" || len(a.Efficiency) != 6 || a.Limits == nil || a.Limits.Which != "the disk" || a.Limits.Disk.N != 2 {
		t.Fatalf("baseline %s, %d rows, limits %+v", a.Baseline, len(a.Efficiency), a.Limits)
	}
	for _, e := range a.Efficiency {
		if n, ok := e.Switches.Get(); !ok || n != 3 {
			t.Errorf("%s: %v switches a request, want 3", e.Arm, n)
		}
		if n, ok := e.LockWait.Get(); ok != (e.Arm == "threadpool") || ok && n != 50 {
			t.Errorf("%s: %v ns of lock wait a request (%v)", e.Arm, n, ok)
		}
		per, _ := e.PerCPUSecond.Median.Get()
		// 20 µs × 3 a request for the pool, half of that for tpc.
		want := map[string]float64{"tpc": 1e9 / 30e3, "threadpool": 1e9 / 60e3}[e.Arm]
		if math.Abs(per/want-1) > 1e-4 || e.PerCPUSecond.N != 2 {
			t.Errorf("%s: %v requests per CPU-second, want %v", e.Arm, per, want)
		}
		ratio, ok := e.Ratio.Get()
		if e.Arm == "tpc" && ok || e.Arm != "tpc" && math.Abs(ratio-0.5) > 1e-4 {
			t.Errorf("%s: ratio %v, %v, want 0.5 for the pool and none for the baseline", e.Arm, ratio, ok)
		}
		if lo, _ := e.Lo.Get(); e.Arm != "tpc" && !(lo > 0 && lo <= ratio) {
			t.Errorf("%s: the interval begins at %v, above %v", e.Arm, lo, ratio)
		}
		// 1 MiB in two seconds of a disk that takes 2 MB/s.
		if of, _ := e.OfLimit.Get(); math.Abs(of-float64(1<<20)/2/2e6) > 1e-4 {
			t.Errorf("%s: %v of the limit", e.Arm, of)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Requests per CPU-second, over tpc", "The smaller is the disk", "Response time over connections: 1k", "CPU time and memory over connections"} {
		if !strings.Contains(string(page), text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
}

// TestEfficiencyIsTurnedOver: twice the CPU time for a message is fewer requests for a
// CPU-second, in words too.
func TestEfficiencyIsTurnedOver(t *testing.T) {
	w := small(6)
	w.endpoints = ", baseline: tpc"
	_, a := analysed(t, w.make(t))
	cpu, e := a.comparison(t, "process", "2000", "cpu_per_message"), a.Efficiency[1]
	ratio, _ := e.Ratio.Get()
	if e.Arm != "threadpool" || cpu.Words != "higher" || math.Abs(ratio-0.5) > 1e-3 || e.Words != "lower" {
		t.Errorf("CPU time %q, requests for it %v %q", cpu.Words, ratio, e.Words)
	}
}

// TestBehindIsNotCheaper: what a broker that fell behind answers behind the window was
// not done with the CPU time of the window.
func TestBehindIsNotCheaper(t *testing.T) {
	w := small(1)
	w.inside, w.endpoints = true, ", baseline: threadpool"
	costs := func(perSec float64) (Efficiency, ArmPoint) {
		w.change = func(c *result.CellRecord) { c.Load.AchievedPerSec, c.Load.AchievedRatio = perSec, perSec/c.LoadPerSec }
		_, a := analysed(t, w.make(t))
		return a.Efficiency[0], a.Groups[0].Points[0].Arms[0]
	}
	e, x := costs(2000)
	behind, y := costs(1000)
	for name, v := range map[string][2]stats.Number{
		"CPU time of a message":     {x.CPU, y.CPU},
		"switches of a message":     {x.Switches, y.Switches},
		"switches of a request":     {x.Inside.Switches, y.Inside.Switches},
		"storage of a byte":         {x.Inside.Storage, y.Inside.Storage},
		"requests for a CPU-second": {behind.PerCPUSecond.Median, e.PerCPUSecond.Median},
		"bytes a second":            {behind.BytesPerSec.Median, e.BytesPerSec.Median},
	} {
		was, ok := v[0].Get()
		if is, ok2 := v[1].Get(); !ok || !ok2 || math.Abs(is/was-2) > 1e-3 {
			t.Errorf("%s: %v and %v, want a factor of 2 where half was acknowledged in time", name, was, is)
		}
	}
}
