package load

import (
	"testing"

	"github.com/ceteris/ceteris/workloads"
)

// TestFanOut: a request has a batch for several partitions, and the oracle holds
// for each of them.
func TestFanOut(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options, *fake)
	}{
		{"all", func(o *Options, _ *fake) { o.W.FanOut = 4 }},
		{"some, two leaders, two topics", func(o *Options, f *fake) { o.W.FanOut, o.W.Topics, f.nodes = 2, 2, 2 }},
		{"aligned", func(o *Options, _ *fake) { o.W.FanOut, o.W.Layout, o.W.Connections = 2, workloads.Aligned, 2 }},
		{"keyed, of several sizes", func(o *Options, _ *fake) {
			o.W.FanOut, o.W.Keys = 3, workloads.Law{Kind: workloads.Uniform}
			o.W.Size = workloads.SizeLaw{MedianBytes: 100, Sigma: 1, MaxBytes: 9000}
		}},
		{"without acknowledgements", func(o *Options, _ *fake) { o.W.FanOut, o.W.Acks = 3, 0 }},
		{"closed loop", func(o *Options, _ *fake) { o.W.FanOut, o.W.Inflight, o.RatePerSec = 4, 2, 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			o := testOptions(f)
			c.change(&o, f)
			s := mustRun(t, o)
			n := int64(o.W.FanOut)
			if s.Intended == 0 || s.Acked != s.Intended || s.Records != 2*n*s.Acked || s.Censored != 0 {
				t.Errorf("%d of %d acknowledged, %d records, %d censored", s.Acked, s.Intended, s.Records, s.Censored)
			}
			clean(t, s, 2*n*f.requests())
			f.close()
		})
	}
}

// TestFanOutFails: an error at one of its partitions fails a request, and what of
// it may or may not be in the log is not counted as lost.
func TestFanOutFails(t *testing.T) {
	f := newFake(t)
	f.onProduce = func(p int32, n int, batch []byte) ([]byte, int16) {
		if p == 2 && n%10 == 0 {
			return nil, 7 // REQUEST_TIMED_OUT
		}
		return batch, 0
	}
	o := testOptions(f)
	o.W.FanOut = 3
	s := mustRun(t, o)
	if s.Failed == 0 || s.Failed != s.Errors["REQUEST_TIMED_OUT"] || s.Acked+s.Failed != s.Intended || s.Censored != s.Failed {
		t.Errorf("got %+v", s)
	}
	if c := s.Consumer; c.Lost+c.Duplicated+c.Reordered+c.Corrupt != 0 || !c.Drained {
		t.Errorf("consumers: got %+v", c)
	}
}

// TestFanOutRefuses: more partitions than a connection carries are an error.
func TestFanOutRefuses(t *testing.T) {
	f := newFake(t)
	f.nodes = 2
	o := testOptions(f)
	o.W.FanOut = 3
	if _, err := Run(t.Context(), o); err == nil {
		t.Error("three partitions of a leader that has two")
	}
}
