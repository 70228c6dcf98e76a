package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// TestInside: what the brokers said of themselves comes out, as differences over
// the window, and is in the page with its picture.
func TestInside(t *testing.T) {
	w := small(2)
	w.inside = true
	dir := w.make(t)
	_, a := build(t, dir)
	want := func(what string, n stats.Number, v float64) {
		t.Helper()
		if got, ok := n.Get(); !ok || got != v {
			t.Errorf("%s: %v (%s), want %v", what, got, n.Refusal(), v)
		}
	}
	for _, x := range a.Groups[0].Points[0].Arms {
		in := x.Inside
		if in == nil || len(in.Workers) != 2 {
			t.Fatalf("%s: inside %+v", x.Arm, in)
		}
		cells := float64(x.Blocks)
		want("busy, mean", in.BusyMean, 0.5)
		want("busy, least", in.BusyMin, 0.2)
		want("busy, most", in.BusyMax, 0.8)
		want("polling", in.SpinMean, 0.1)
		want("asleep", in.Workers[1].Sleep, 0.8)
		want("storage", in.Storage, 3)
		want("GC cycles", in.GCCycles, 2*cells)
		want("GC CPU", in.GCCPU, 0.01)
		want("GC pauses", in.GCPauses, 0.002)
		want("Go heap", in.GoHeap, 8e6)
		want("switches", in.Switches, 3)
		if x.Arm != "tpc" {
			want("network idle", in.NetworkIdle, 0.2)
			want("handlers idle", in.HandlerIdle, 0.8)
			want("lock wait", in.LockWait, 50)
			if len(in.Locks) != 2 || in.Locks[0].Class != "log" || in.Locks[1].Class != "requestQueue" {
				t.Fatalf("locks: %+v", in.Locks)
			}
			want("waits for the log", in.Locks[0].Waits, 1)
			want("wait for the log", in.Locks[0].WaitNs, 20)
			want("log held", in.Locks[0].HeldNs, 1200)
			want("wait for the queue", in.Locks[1].WaitNs, 30)
			if in.Locks[1].HeldNs.OK() {
				t.Error("a class without samples tells how long it was held")
			}
			if in.Remote.OK() || in.HopP50.OK() || in.Stalls.OK() || in.Steal.OK() || in.ArenaUsed.OK() {
				t.Errorf("%s tells what it does not know: %+v", x.Arm, in)
			}
			continue
		}
		if in.LockWait.OK() || in.NetworkIdle.OK() || len(in.Locks) > 0 {
			t.Errorf("tpc has no such locks and threads: %+v", in)
		}
		want("remote", in.Remote, 0.25)
		want("written per appended", in.AppendWritten, 4.096)
		want("stalls", in.Stalls, cells)
		want("steal", in.Steal, 0.05)
		want("arena", in.ArenaUsed, 8192)
		if p50, _ := in.HopP50.Get(); p50 < 1190 || p50 > 1210 {
			t.Errorf("hop p50 %v, want about 1200", p50)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Inside the brokers", "Where the threads", "tpc shard-1", "threadpool handler-0"} {
		if !strings.Contains(string(page), text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if err := result.Seal(dir); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
}

// TestNoInside: a result whose cells kept nothing of it makes the report that it
// always made.
func TestNoInside(t *testing.T) {
	dir := small(1).make(t)
	build(t, dir)
	for _, name := range []string{"report.html", "analysis.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(string(text)), "inside the brokers") || strings.Contains(string(text), `"inside":`) {
			t.Errorf("%s speaks of the inside", name)
		}
	}
}
