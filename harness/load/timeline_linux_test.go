package load

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

// moment is a row of timeline.csv.
type moment struct{ from, to, due, acked, ended, givenUp, waiting int64 }

func readTimeline(t *testing.T, dir string) []moment {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "timeline.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || strings.Join(rows[0], ",")+"\n" != timelineHead {
		t.Fatalf("%v, %v", rows, err)
	}
	var out []moment
	for _, row := range rows[1:] {
		var v [7]int64
		for k, text := range row {
			if v[k], err = strconv.ParseInt(text, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, moment{v[0], v[1], v[2], v[3], v[4], v[5], v[6]})
	}
	return out
}

// stalling makes the broker stand still for a while in the measured window.
func stalling(f *fake, stall time.Duration) {
	var once sync.Once
	f.before = func() {
		if f.requests() == 250 {
			once.Do(func() { time.Sleep(stall) })
		}
	}
}

// TestTimelineAddsUp: what was due is what the schedule says, whatever was
// acknowledged, failed or left is accounted for once, and a backlog shows although
// the connection's cap keeps it in the generator.
func TestTimelineAddsUp(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"raw": func(*Options) {}, "two threads": func(o *Options) { o.CPUs, o.Busy, o.W.Connections, o.W.Inflight = twoCPUs(), No, 4, 64 },
		"franz": func(o *Options) { o.Driver = workloads.Franz },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			o := testOptions(f)
			o.OutDir = t.TempDir()
			o.W.Arrivals, o.W.Connections, o.W.Inflight, o.W.Consumers = workloads.Constant, 1, 1, 0
			change(&o)
			stalling(f, 100*time.Millisecond)
			s := mustRun(t, o)
			rows := readTimeline(t, o.OutDir)
			var sum moment
			peak := int64(0)
			for i, m := range rows {
				if m.from != int64(50*i) || m.to != int64(50*(i+1)) || m.due != 50 || m.waiting < 0 {
					t.Errorf("row %d: %+v, want 50 due in 50 ms", i, m)
				}
				sum.due += m.due
				sum.acked += m.acked
				sum.ended += m.ended
				sum.givenUp += m.givenUp
				peak = max(peak, m.waiting)
			}
			last := rows[len(rows)-1].waiting
			before := last - sum.due + sum.acked + sum.ended // of the warm-up's requests
			if len(rows) != 10 || sum.due != s.Intended || sum.ended != 0 || sum.givenUp != 0 || before < 0 || before > sum.acked {
				t.Errorf("%d rows, %+v, %d waiting at the start", len(rows), sum, before)
			}
			if want := int64(s.AchievedPerSec*o.Measure.Seconds() + 0.5); sum.acked != want {
				t.Errorf("%d acknowledged, the summary says %d", sum.acked, want)
			}
			// One of the ends of intervals is at least 50 ms into the stall.
			if name == "raw" && peak < 48 {
				t.Errorf("%d waited at most, want those of half a stall", peak)
			}
		})
	}
}

// TestTimelineHidesNoBacklog: a load that drops what is late has no backlog, and
// shows what it dropped where it was due, at the timeout.
func TestTimelineHidesNoBacklog(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.OutDir = t.TempDir()
	o.W.Arrivals, o.W.Connections, o.W.Inflight, o.W.Consumers, o.W.Late = workloads.Constant, 1, 1, 0, workloads.DropLate
	stalling(f, 100*time.Millisecond)
	s := mustRun(t, o)
	dropped, ended := int64(0), int64(0)
	for i, m := range readTimeline(t, o.OutDir) {
		dropped += m.givenUp
		ended += m.ended
		if m.waiting > 1 {
			t.Errorf("row %d: %d wait on one connection of one request", i, m.waiting)
		}
	}
	if dropped < 90 || dropped != s.Unsent || ended != dropped || s.CapHits != dropped {
		t.Errorf("%d dropped and %d ended by the time-line, %d unsent of %d at the cap", dropped, ended, s.Unsent, s.CapHits)
	}
	if h := readLog(t, filepath.Join(o.OutDir, "response.hlog")); above(h, int64(o.Timeout)*99/100) != dropped {
		t.Errorf("%d response times at the timeout, want %d", above(h, int64(o.Timeout)*99/100), dropped)
	}
}

// TestIntervalsMeetAnOverload: intervals are short where something happens, and an
// overload begins and ends with one.
func TestIntervalsMeetAnOverload(t *testing.T) {
	over := func(at, long time.Duration) *workloads.Workload {
		return &workloads.Workload{Overload: &workloads.Overload{At: at, For: long}}
	}
	for _, c := range []struct {
		w       *workloads.Workload
		measure time.Duration
		threads int
		want    time.Duration
	}{
		{&workloads.Workload{}, 10 * time.Second, 1, 500 * time.Millisecond},
		{&workloads.Workload{Faults: []workloads.Fault{{}}}, 10 * time.Second, 1, 100 * time.Millisecond},
		{over(3*time.Second, 2*time.Second), 12 * time.Second, 1, 125 * time.Millisecond},
		{over(3*time.Second, 2*time.Second), 12 * time.Second, 4, 200 * time.Millisecond},
		{over(3*time.Second, 2*time.Second), 12 * time.Second, 16, time.Second},
		{over(3*time.Second, 2*time.Second), 2 * time.Second, 1, 50 * time.Millisecond},
		{over(3001*time.Millisecond, 2*time.Second), 12 * time.Second, 1, 120 * time.Millisecond}, // nothing divides both
		{over(300*time.Second, 20*time.Second), 1000 * time.Second, 1, 5 * time.Second},
	} {
		o := Options{W: c.w, Measure: c.measure}
		if got := o.intervalOf(c.threads); got != c.want {
			t.Errorf("%v, %d threads, %+v: got %v, want %v", c.measure, c.threads, c.w.Overload, got, c.want)
		}
	}
}
