package host

import (
	"testing"
	"time"
)

func TestHiccups(t *testing.T) {
	cpus, err := Allowed()
	if err != nil {
		t.Fatal(err)
	}
	cpu := cpus[len(cpus)-1]
	p, err := StartHiccups(cpu, false)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	h := p.Stop()
	if h.CPU != cpu || h.PeriodNs != int64(time.Millisecond) || h.Count < 1 {
		t.Errorf("probe: %+v", h)
	}
	if h.P50Ns < 1 || h.P50Ns > h.P99Ns || h.P99Ns > h.MaxNs {
		t.Errorf("lateness is not in order: %+v", h)
	}
	if _, err := StartHiccups(maxCPU-1, false); err == nil {
		t.Error("a probe on a CPU that is not there")
	}
}
