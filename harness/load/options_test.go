package load

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		change func(o *Options)
		want   string
	}{
		{func(o *Options) { o.Addr = "" }, "no broker address"},
		{func(o *Options) { o.W = nil }, "no workload"},
		{func(o *Options) { o.W.Partitions = 0 }, "partitions of 0 is not between 1 and"},
		{func(o *Options) { o.W.Keys.Kind = "x" }, `keys: "x" is none of`},
		{func(o *Options) { o.RatePerSec = -1 }, "rate of -1 per second is negative"},
		{func(o *Options) { o.Measure = 0 }, "measured window of 0s"},
		{func(o *Options) { o.Warmup = -1 }, "warm-up of -1ns"},
		{func(o *Options) { o.Timeout = 2 * time.Minute }, "timeout of 2m0s is not between 0 and 1m0s"},
		{func(o *Options) { o.Driver = "x" }, `driver "x" is neither raw nor franz`},
		{func(o *Options) { o.Busy = "x" }, `busy "x" is none of`},
	} {
		o := Options{Addr: "a:1", W: testWorkload(), RatePerSec: 1, Measure: time.Second}
		if err := o.check(); err != nil {
			t.Fatal(err)
		}
		c.change(&o)
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestOptionsTravel: a load process gets the options as JSON.
func TestOptionsTravel(t *testing.T) {
	o := Options{
		Addr: "a:1", W: testWorkload(), Seed: 1<<63 + 1, RatePerSec: 2.5, Warmup: 1, Measure: 2, Timeout: 3,
		Driver: "raw", CPUs: []int{1, 2}, Topic: "t", OutDir: "d", Busy: Yes,
	}
	text, err := json.Marshal(&o)
	if err != nil {
		t.Fatal(err)
	}
	var got Options
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(o, got); d != "" {
		t.Error(d)
	}
}

func TestNoBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	o := Options{Addr: addr, W: testWorkload(), RatePerSec: 1, Measure: time.Second}
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v, want an error that names %s", err, addr)
	}
}
