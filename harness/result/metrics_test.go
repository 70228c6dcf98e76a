package result

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMetrics(t *testing.T) {
	m := ParseMetrics([]byte("# HELP x A help.\n# TYPE x counter\nx{shard=\"0\"} 1.5\nx{shard=\"a b\"} 2e3\nxy 7\n\nbroken\nz nothing\n"))
	if diff := cmp.Diff(Metrics{`x{shard="0"}`: 1.5, `x{shard="a b"}`: 2000, "xy": 7}, m); diff != "" {
		t.Error(diff)
	}
	if sum, ok := m.Sum("x"); sum != 2001.5 || !ok {
		t.Errorf("sum of x: %v, %v, want 2001.5", sum, ok)
	}
	if sum, ok := m.Sum("y"); sum != 0 || ok {
		t.Errorf("sum of what is not there: %v, %v", sum, ok)
	}
}

func TestWindowAndWorkers(t *testing.T) {
	c := &CellRecord{Dir: t.TempDir()}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("metrics.txt", "x 3\n")
	if begin, _, err := c.Window(); begin != nil || err != nil {
		t.Errorf("a result without a begin: %v, %v, want nothing", begin, err)
	}
	if w, err := c.Workers(); w != nil || err != nil {
		t.Errorf("a result without workers: %v, %v, want nothing", w, err)
	}
	write("metrics-begin.txt", "x 1\n")
	begin, end, err := c.Window()
	if err != nil || begin["x"] != 1 || end["x"] != 3 {
		t.Errorf("got %v, %v, %v", begin, end, err)
	}
	write("workers.csv", workersHead+"\n1,network-0,2,3,4\n1,handler-0,5,6,7\n9,network-0,8,9,10\n")
	got, err := c.Workers()
	want := []Worker{{"network-0", []WorkerSample{{1, 2, 3, 4}, {9, 8, 9, 10}}}, {"handler-0", []WorkerSample{{1, 5, 6, 7}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for text, wrong := range map[string]string{"t\n": "workers.csv:1", workersHead + "\n1,a,2\n": "workers.csv:2", workersHead + "\n1,a,2,3,x\n": "workers.csv:2"} {
		write("workers.csv", text)
		if _, err := c.Workers(); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v, want an error at %s", text, err, wrong)
		}
	}
}
