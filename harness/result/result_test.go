package result

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
)

// twoCells makes a run of two planned cells, the first of them done.
func twoCells(t *testing.T) *Run {
	t.Helper()
	m := &Manifest{Experiment: "demo", ExperimentText: "name: demo\n", Seed: 7, Planned: []PlannedCell{
		{ID: "a", Block: 0, Position: 0}, {ID: "b", Block: 0, Position: 1},
	}}
	r, err := Create(t.TempDir(), m, &host.Env{Schema: "ceteris-env/1"})
	if err != nil {
		t.Fatal(err)
	}
	writeCell(t, r, 0, EventCellDone)
	return r
}

func writeCell(t *testing.T, r *Run, i int, event string) {
	t.Helper()
	p := r.Manifest.Planned[i]
	dir := filepath.Join(r.Dir, p.Dir())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rec := &CellRecord{Schema: CellSchema, ID: p.ID, Block: p.Block, Valid: event == EventCellDone}
	if err := WriteJSON(filepath.Join(dir, "cell.json"), rec); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"response", "service", "slip"} {
		writeLog(t, filepath.Join(dir, kind+".hlog"), map[string][]int64{"produce": {1000, 2000}, "fetch": {3000}})
	}
	j, _, err := OpenJournal(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.Append(event, p.Key(), ""); err != nil {
		t.Fatal(err)
	}
}

func writeLog(t *testing.T, path string, values map[string][]int64) {
	t.Helper()
	var b bytes.Buffer
	w := hdr.NewHistogramLogWriter(&b)
	for _, tag := range sortedKeys(values) {
		h := hdr.New(1, 60e9, 3)
		h.SetTag(tag)
		h.SetStartTimeMs(1000)
		h.SetEndTimeMs(2000)
		for _, v := range values[tag] {
			if err := h.RecordValue(v); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.OutputIntervalHistogram(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	made := twoCells(t)
	r, err := Open(made.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cells) != 1 || r.Complete {
		t.Fatalf("%d cells, complete %v; want 1 of 2", len(r.Cells), r.Complete)
	}
	for tag, want := range map[string]int64{"": 3, "produce": 2, "fetch": 1} {
		h, err := r.Cells[0].Histogram("response", tag)
		if err != nil {
			t.Fatal(err)
		}
		if h.TotalCount() != want {
			t.Errorf("class %q: %d values, want %d", tag, h.TotalCount(), want)
		}
	}
	if h, err := r.Cells[0].Histogram("response", "nobody"); h != nil || err != nil {
		t.Errorf("a class that is not there: %v, %v", h, err)
	}
	if _, err := r.Cells[0].Histogram("stages", ""); err == nil {
		t.Error("a log that is not there was read")
	}
}

// TestStrict: a file that is not what this version writes is not half understood.
func TestStrict(t *testing.T) {
	cases := []struct {
		name, file, from, to, want string
	}{
		{"a key of the future", "manifest.json", `"seed"`, `"seeed"`, "seeed"},
		{"another schema", "manifest.json", ManifestSchema, "ceteris-result/99", "ceteris-result/99"},
		{"a cell's schema", "blocks/000/a/cell.json", CellSchema, "ceteris-cell/99", "ceteris-cell/99"},
		{"another cell's record", "blocks/000/a/cell.json", `"id": "a"`, `"id": "b"`, "expected 000/a"},
		{"a number as text", "blocks/000/a/cell.json", `"position": 0`, `"position": "0"`, "position"},
		{"half a file", "env.json", "}", "", "env.json"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := twoCells(t)
			path := filepath.Join(r.Dir, c.file)
			edit(t, path, c.from, c.to)
			if _, err := Open(r.Dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one naming %q", err, c.want)
			}
		})
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a result directory") {
		t.Errorf("an empty directory: %v", err)
	}
}

func edit(t *testing.T, path, from, to string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		t.Fatalf("%s does not contain %q", path, from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), from, to)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestJournal(t *testing.T) {
	first := `{"t":"1","event":"cell-start","cell":"000/a"}` + "\n" + `{"t":"2","event":"cell-done","cell":"000/a"}` + "\n"
	cases := []struct {
		name, text string
		events     int
		bad        string
	}{
		{name: "empty", text: "", events: 0},
		{name: "whole", text: first, events: 2},
		{name: "torn without a newline", text: first + `{"t":"3","ev`, events: 2},
		{name: "torn with a newline", text: first + `{"t":"3","ev` + "\n", events: 2},
		{name: "zeros at the end", text: first + "\x00\x00\x00", events: 2},
		{name: "whole line without its newline", text: first + `{"t":"3","event":"run-stop"}`, events: 2},
		{name: "damage in the middle", text: "{\n" + first, bad: "journal.jsonl:1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "journal.jsonl")
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			j, events, err := OpenJournal(dir)
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) {
					t.Fatalf("error %v, want one naming %s", err, c.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(events) != c.events {
				t.Errorf("%d events, want %d", len(events), c.events)
			}
			// What is appended after a torn line must be readable.
			if err := j.Append(EventRunResume, "", ""); err != nil {
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			again, err := ReadJournal(dir)
			if err != nil || len(again) != c.events+1 || again[c.events].Event != EventRunResume {
				t.Errorf("read again: %v, %v", again, err)
			}
		})
	}
}

func TestDone(t *testing.T) {
	events := []Event{
		{Event: EventRunStart},
		{Event: EventCellStart, Cell: "a"},
		{Event: EventCellDone, Cell: "a"},
		{Event: EventCellStart, Cell: "b"},
		{Event: EventCellFailed, Cell: "b"},
		{Event: EventCellStart, Cell: "c"},
		{Event: EventCellStart, Cell: "d"},
		{Event: EventCellDone, Cell: "d"},
		{Event: EventCellStart, Cell: "d"},
	}
	if diff := cmp.Diff(map[string]bool{"a": true}, Done(events)); diff != "" {
		t.Errorf("done: %s", diff)
	}
	if diff := cmp.Diff(map[string]bool{"a": true, "b": true}, Ended(events)); diff != "" {
		t.Errorf("ended: %s", diff)
	}
}

func TestVerify(t *testing.T) {
	sealed := func(t *testing.T) string {
		r := twoCells(t)
		writeCell(t, r, 1, EventCellFailed)
		if err := Seal(r.Dir); err != nil {
			t.Fatal(err)
		}
		if err := Verify(r.Dir); err != nil {
			t.Fatal(err)
		}
		return r.Dir
	}
	cases := []struct {
		name   string
		change func(t *testing.T, dir string)
		want   string
	}{
		{"a changed file", func(t *testing.T, dir string) { edit(t, filepath.Join(dir, "experiment.yaml"), "demo", "demx") }, "experiment.yaml has changed"},
		{"a missing file", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "blocks/000/a/slip.hlog")) }, "blocks/000/a/slip.hlog is missing"},
		{"an added file", func(t *testing.T, dir string) { os.WriteFile(filepath.Join(dir, "x"), nil, 0o644) }, "x is not in CHECKSUMS"},
		{"sums that are none", func(t *testing.T, dir string) { os.WriteFile(filepath.Join(dir, sumsFile), []byte("?\n"), 0o644) }, "CHECKSUMS:1"},
		{"no sums", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, sumsFile)) }, "never sealed"},
		{"an experiment that does not have its sum, sealed again", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "manifest.json"), `name: demo\n`, `name: demx\n`)
			if err := Seal(dir); err != nil {
				t.Fatal(err)
			}
		}, "does not have its sum"},
		{"a histogram that cannot be read, sealed again", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "blocks/000/a/response.hlog"), "HIST", "HISX")
			if err := Seal(dir); err != nil {
				t.Fatal(err)
			}
		}, "response.hlog"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := sealed(t)
			c.change(t, dir)
			if err := Verify(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one saying %q", err, c.want)
			}
		})
	}
	r := twoCells(t)
	if err := Seal(r.Dir); err != nil {
		t.Fatal(err)
	}
	if err := Verify(r.Dir); err == nil || !strings.Contains(err.Error(), "1 of 2 cells") {
		t.Errorf("an incomplete run: %v", err)
	}
}

func TestMergeHistograms(t *testing.T) {
	narrow, wide := hdr.New(1, 1000, 3), hdr.New(1, 60e9, 3)
	for _, h := range []*hdr.Histogram{narrow, wide} {
		if err := h.RecordValue(500); err != nil {
			t.Fatal(err)
		}
	}
	if err := wide.RecordValue(50e9); err != nil {
		t.Fatal(err)
	}
	sum, err := MergeHistograms([]*hdr.Histogram{narrow, wide})
	if err != nil {
		t.Fatal(err)
	}
	if sum.TotalCount() != 3 || sum.Max() < 49e9 {
		t.Errorf("%d values, max %d: the wide one must not be cut to the narrow one", sum.TotalCount(), sum.Max())
	}
	if h, err := MergeHistograms(nil); h != nil || err != nil {
		t.Errorf("nothing merged: %v, %v", h, err)
	}
}

// TestCounted: counters that were read late do not make messages cheaper.
func TestCounted(t *testing.T) {
	for _, c := range []struct {
		start, end, window, lag int64
		want                    float64
	}{
		{0, 0, 900, 0, 1000},
		{5, 1005, 1000, 0, 1000},
		{5, 1005, 900, 0, 900},
		{5, 1005, 1010, 0, 1010},
		{5, 1005, 0, 0, 1000},
		// Read late at the end, too: 66 ns after the load was over it served nothing.
		{5, 1005, 1026, 40, 960},
		{5, 1005, 960, 40, 960},
		{0, 0, 900, 40, 1000},
		{5, 1005, 10, 2000, 1},
	} {
		r := CellRecord{Load: load.Summary{Records: 1000, StartMonotonicNs: c.start, EndMonotonicNs: c.end}}
		r.Server.WindowNs, r.Server.LagNs = c.window, c.lag
		if got := r.Counted(); got != c.want {
			t.Errorf("%+v: %v records, want %v", c, got, c.want)
		}
	}
}

// TestSync: a cell that is not there is not on the disk.
func TestSync(t *testing.T) {
	r := twoCells(t)
	if err := r.Sync(r.Manifest.Planned[0]); err != nil {
		t.Error(err)
	}
	missing := r.Manifest.Planned[0]
	missing.ID = "never"
	if err := r.Sync(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a cell that was never run: %v", err)
	}
}

// TestCountedInTime: what was acknowledged behind the window is in no counter of it, and
// what was due before it and acknowledged in it is.
func TestCountedInTime(t *testing.T) {
	for _, c := range []struct {
		acked         int64
		perSec, share float64
		want          float64
	}{{1000, 500, 1, 2000}, {1000, 400, 1, 1600}, {800, 500, 1, 2000}, {1000, 400, 1.25, 2000}, {0, 0, 1, 0}} {
		r := CellRecord{Load: load.Summary{Acked: c.acked, Records: 2 * c.acked, AchievedPerSec: c.perSec, StartMonotonicNs: 5, EndMonotonicNs: 5 + 2e9}}
		r.Server.WindowNs = int64(2e9 * c.share)
		if got := r.Counted(); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %v records, want %v", c, got, c.want)
		}
	}
}

// TestVerifyRaw: what was measured must be what was sealed, whatever was made of it
// since; what was never sealed, or goes on, is not held against anything.
func TestVerifyRaw(t *testing.T) {
	r := twoCells(t)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(r.Dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string) {
		t.Helper()
		err := VerifyRaw(r.Dir)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	log := filepath.Join("blocks", "000", "a", "response.hlog")
	check("")
	write("analysis.json", "{}\n")
	if err := Seal(r.Dir); err != nil {
		t.Fatal(err)
	}
	write("analysis.json", "{\"a\":1}\n")
	write("report.html", "more\n")
	check("")
	text, err := os.ReadFile(filepath.Join(r.Dir, log))
	if err != nil {
		t.Fatal(err)
	}
	write(log, string(text[:len(text)/2]))
	check("blocks/000/a/response.hlog has changed since it was sealed")
	if err := os.Remove(filepath.Join(r.Dir, log)); err != nil {
		t.Fatal(err)
	}
	check("blocks/000/a/response.hlog is missing, which was sealed")
	for range 2 {
		if err := Unseal(r.Dir); err != nil {
			t.Fatal(err)
		}
	}
	check("")
}
