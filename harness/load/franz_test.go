package load

import (
	"testing"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

func franzOptions(f *fake) Options {
	o := testOptions(f)
	o.Driver, o.RatePerSec = workloads.Franz, 500
	return o
}

func TestFranzEndToEnd(t *testing.T) {
	f := newFake(t)
	o := franzOptions(f)
	o.OutDir = t.TempDir()
	o.W.Keys = workloads.Law{Kind: workloads.Zipf, Zipf: 1}
	s := mustRun(t, o)
	want := intendedIn(t, &o)
	if s.Intended != want || s.Sent != want || s.Acked != want || s.Records != 2*want {
		t.Errorf("got %d intended, %d sent, %d acked, %d records, want %d requests", s.Intended, s.Sent, s.Acked, s.Records, want)
	}
	c := s.Consumer
	if !c.Drained || c.Lost+c.Duplicated+c.Reordered+c.Corrupt+c.Errors+c.Unstamped != 0 || c.Records < 2*want || c.EndToEnd.Count != 2*want {
		t.Errorf("consumer: got %+v", c)
	}
	for _, name := range []string{"linger", "compression", "acks", "idempotence", "inflight.per.broker", "max.buffered.records", "fetch.max.wait"} {
		if s.Settings[name] == "" {
			t.Errorf("setting %s is not echoed", name)
		}
	}
}

func TestFranzClosedLoop(t *testing.T) {
	f := newFake(t)
	o := franzOptions(f)
	o.RatePerSec, o.W.Inflight = 0, 2
	o.Warmup, o.Measure = 50*time.Millisecond, 150*time.Millisecond
	s := mustRun(t, o)
	if s.Intended == 0 || s.Acked != s.Intended || s.AchievedRatio != 1 || s.Consumer.Lost != 0 || !s.Consumer.Drained {
		t.Errorf("got %+v", s)
	}
}

func TestFranzFailuresAreCensored(t *testing.T) {
	f := newFake(t)
	o := franzOptions(f)
	o.Timeout = 2 * time.Second
	f.onProduce = func(_ int32, n int, b []byte) ([]byte, int16) {
		if n%5 == 0 {
			return nil, 87 // INVALID_RECORD
		}
		return b, 0
	}
	s := mustRun(t, o)
	if s.Failed == 0 || s.Errors["INVALID_RECORD"] != s.Failed || s.Acked+s.Failed != s.Intended || s.Response.Count != s.Intended || s.Response.MaxNs < int64(o.Timeout) {
		t.Errorf("got %d failed, %d acked of %d, errors %v, response %+v", s.Failed, s.Acked, s.Intended, s.Errors, s.Response)
	}
	if s.Consumer.Lost != 0 {
		t.Errorf("%d refused records count as lost", s.Consumer.Lost)
	}
}

func TestFranzSilenceIsCensored(t *testing.T) {
	f := newFake(t)
	f.mute = true
	o := franzOptions(f)
	o.Timeout = 200 * time.Millisecond
	s := mustRun(t, o)
	if e := s.Consumer; e.Censored != 2*s.Intended || e.EndToEnd.Count != e.Censored {
		t.Errorf("%d records were due and none came: %+v", 2*s.Intended, e)
	}
	if s.Acked != 0 || s.Outstanding != s.Intended || s.Censored != s.Intended || s.Response.Count != s.Intended {
		t.Errorf("got %d acked, %d outstanding of %d, %d response times", s.Acked, s.Outstanding, s.Intended, s.Response.Count)
	}
}

// TestFranzEndsOnTime: a pacer that is behind tells of the window's end when it ends, and
// not when it has sent what was due in it.
func TestFranzEndsOnTime(t *testing.T) {
	f := newFake(t)
	o := franzOptions(f)
	o.RatePerSec, o.Warmup, o.Measure = 5e6, 10*time.Millisecond, 10*time.Millisecond
	o.W.Consumers, o.W.RecordsPerBatch = 0, 1
	var end int64
	o.OnEvent = func(event string, monotonicNs int64) {
		if event == EventEnd {
			end = monotonicNs
		}
	}
	s := mustRun(t, o)
	if late := end - s.EndMonotonicNs; late < 0 || late > s.Slip.MaxNs/2 {
		t.Errorf("told %v behind the end, sent up to %v late", time.Duration(late), time.Duration(s.Slip.MaxNs))
	}
}
