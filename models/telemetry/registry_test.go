package telemetry

import (
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCounters(t *testing.T) {
	g := NewRegistry()
	c := g.Counter("wakes_total", "Wakes.", "shard", "0")
	other := g.Counter("wakes_total", "Wakes.", "shard", "1")
	shared := g.SharedCounter("accepts_total", "Accepts.")
	depth := 3.0
	g.GaugeFunc("queue_depth", "Depth.", func() float64 { return depth })
	c.Inc()
	c.Add(4)
	other.Inc()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 1000 {
				shared.Inc()
			}
			shared.Add(10)
		})
	}
	all.Wait()
	want := []Sample{
		{"ceteris_wakes_total", "Wakes.", KindCounter, []Label{{"shard", "0"}}, 5},
		{"ceteris_wakes_total", "Wakes.", KindCounter, []Label{{"shard", "1"}}, 1},
		{"ceteris_accepts_total", "Accepts.", KindCounter, nil, 4040},
		{"ceteris_queue_depth", "Depth.", KindGauge, nil, 3},
	}
	got := g.Snapshot()
	for i := range want {
		if i >= len(got) || got[i].Name != want[i].Name || got[i].Value != want[i].Value || got[i].Kind != want[i].Kind || len(got[i].Labels) != len(want[i].Labels) {
			t.Errorf("sample %d: got %+v, want %+v", i, got, want[i])
		}
	}
}

func TestCountersDoNotShareLines(t *testing.T) {
	if a, b := int(reflect.TypeFor[Counter]().Size()), int(reflect.TypeFor[SharedCounter]().Size()); a != 128 || b != 128 {
		t.Errorf("sizes %d and %d, want two cache lines of 64 bytes", a, b)
	}
}

func TestCounterAllocatesNothing(t *testing.T) {
	var c Counter
	if got := testing.AllocsPerRun(100, func() { c.Inc(); c.Add(2) }); got != 0 {
		t.Errorf("a counter allocates %v times", got)
	}
}

func TestRegistryRefusesBadNames(t *testing.T) {
	for name, f := range map[string]func(g *Registry){
		"twice":           func(g *Registry) { g.Counter("a_total", ""); g.Counter("a_total", "") },
		"odd labels":      func(g *Registry) { g.Counter("a_total", "", "shard") },
		"bad name":        func(g *Registry) { g.Counter("a-b", "") },
		"empty name":      func(g *Registry) { g.Counter("", "") },
		"bad label":       func(g *Registry) { g.Counter("a_total", "", "1x", "0") },
		"recorder labels": func(g *Registry) { g.AddRecorder(NewRecorder(), nil, "shard") },
	} {
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "telemetry: ") {
					t.Errorf("%s: got %q, want a panic of telemetry", name, s)
				}
			}()
			f(NewRegistry())
		}()
	}
}

func TestPublished(t *testing.T) {
	var p Published[int]
	if p.Wanted() {
		t.Fatal("wanted before anybody asked")
	}
	if v, fresh := p.Get(0, nil); fresh || v != 0 {
		t.Errorf("without an owner: %d, fresh %v", v, fresh)
	}
	v, fresh := p.Get(time.Minute, func() { // the owner wakes, looks and answers
		if p.Wanted() {
			seven := 7
			p.Put(&seven)
		}
	})
	if v != 7 || !fresh || p.Wanted() {
		t.Errorf("got %d, fresh %v, still wanted %v; want 7, true, false", v, fresh, p.Wanted())
	}
}

// Every question is answered though several ask at once: one whose request got
// lost would wait out its minute and come back stale.
func TestPublishedAnswersEveryQuestion(t *testing.T) {
	var p Published[uint64]
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := uint64(1); ; {
			select {
			case <-stop:
				return
			default:
			}
			if p.Wanted() {
				p.Put(&n)
				n++
			}
			runtime.Gosched()
		}
	}()
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			var last uint64
			for range 300 {
				v, fresh := p.Get(time.Minute, nil)
				if !fresh || v <= last {
					t.Errorf("got %d after %d, fresh %v", v, last, fresh)
					return
				}
				last = v
			}
		})
	}
	all.Wait()
	close(stop)
	<-done
}
