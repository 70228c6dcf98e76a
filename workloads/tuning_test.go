package workloads

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestTuning makes an experiment of every file there is: it can be read, has the
// grid's arms, and offers what the file offers.
func TestTuning(t *testing.T) {
	g := Grid{Model: "threadpool", Threads: []string{"os", "goroutine"}, Network: []int{3, 1}, IO: []int{8, 2}}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range entries {
		if !strings.HasSuffix(f.Name(), ".yaml") {
			continue
		}
		seen++
		e, err := Load(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.Tuning(g, "", 2)
		if err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		got, err := Parse("tuning.yaml", text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", f.Name(), err, text)
		}
		if len(got.Models) != 8 || got.Models[0].Name != "os-3-8" || got.Models[7].Set["network"] != "netpoll" || got.Models[7].Set["num.io.threads"] != "2" {
			t.Errorf("%s: arms %+v", f.Name(), got.Models)
		}
		if got.Name != e.Name+"-tune" || got.Blocks != 2 || got.Endpoints.Baseline != "" || got.Replicate != Alternate {
			t.Errorf("%s: %s, %d blocks, %+v, replicate %s", f.Name(), got.Name, got.Blocks, got.Endpoints, got.Replicate)
		}
		if !reflect.DeepEqual(got.Workloads, e.Workloads) || !reflect.DeepEqual(got.Loads, e.Loads) || got.Measure != e.Measure || got.Seed != e.Seed {
			t.Errorf("%s: another load than the file's:\n%s", f.Name(), text)
		}
	}
	if seen == 0 {
		t.Fatal("no experiment files here")
	}
}

func TestTuningOneWorkload(t *testing.T) {
	e, err := Load("pool.yaml")
	if err != nil {
		t.Fatal(err)
	}
	g := Grid{Model: "threadpool", Threads: []string{"os"}, Network: []int{3}, IO: []int{8}}
	text, err := e.Tuning(g, "16k", 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("tuning.yaml", text)
	if err != nil || len(got.Workloads) != 4 || got.Workloads[0].Family != "16k" || got.Blocks != e.Blocks {
		t.Errorf("%v: %+v", err, got)
	}
	if _, err := e.Tuning(g, "4k", 0); err == nil || !strings.Contains(err.Error(), `"4k"`) {
		t.Errorf("a workload that is not there: %v", err)
	}
}
