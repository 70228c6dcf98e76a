package ledger

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Run is everything that is known of one run.
type Run struct {
	Name       string // directory below the ledger's
	Experiment string
	SHA256     string // of the experiment file
	Revision   string
	Dirty      bool
	HostClass  string
	StartUTC   string
	State      Event // of the last line about its course; Started and Resumed: interrupted, or it goes on
	Resumes    int
	Planned    int
	Cells      int
	Valid      int
	Why        string
	ResultHash string
	Verdicts   []string
	Headline   string
	Deleted    bool // its directory is gone
	Unrecorded bool // the ledger has no line of its start
}

// Runs are the runs below root, those too that the ledger does not know, in the
// order of their starts; torn counts the ledger's lines that cannot be read.
func Runs(root string) (runs []*Run, torn int, err error) {
	entries, torn, err := Read(root)
	if err != nil {
		return nil, 0, err
	}
	byName := map[string]*Run{}
	at := func(name string) *Run {
		r := byName[name]
		if r == nil {
			experiment, _, _ := strings.Cut(name, "/")
			r = &Run{Name: name, Experiment: experiment, Unrecorded: true}
			byName[name] = r
			runs = append(runs, r)
		}
		return r
	}
	for _, e := range entries {
		at(e.Run).enter(&e)
	}
	found, err := filepath.Glob(filepath.Join(root, "*", "*", "manifest.json"))
	if err != nil {
		return nil, 0, err
	}
	for _, path := range found {
		name, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return nil, 0, err
		}
		if r := at(filepath.ToSlash(name)); r.Unrecorded {
			r.look(path)
		}
	}
	for _, r := range runs {
		_, err := os.Stat(filepath.Join(root, filepath.FromSlash(r.Name), "manifest.json"))
		r.Deleted = os.IsNotExist(err)
	}
	sort.SliceStable(runs, func(i, j int) bool { return runs[i].StartUTC < runs[j].StartUTC })
	return runs, torn, nil
}

// enter takes one line in.
func (r *Run) enter(e *Entry) {
	switch e.Event {
	case Reported:
		r.ResultHash, r.Verdicts, r.Headline = e.ResultHash, e.Verdicts, e.Headline
		return
	case Started:
		r.Unrecorded, r.StartUTC = false, e.T
	case Resumed:
		r.Resumes++
	}
	if e.Event == Started || e.Event == Resumed {
		r.Experiment, r.SHA256, r.Revision, r.Dirty = e.Experiment, e.ExperimentSHA256, e.Revision, e.Dirty
		r.HostClass, r.Planned, r.Why = e.HostClass, e.Planned, ""
		if r.StartUTC == "" {
			r.StartUTC = e.T
		}
	} else {
		r.Cells, r.Valid, r.Why = e.Cells, e.Valid, e.Why
		r.Planned = max(r.Planned, e.Planned)
	}
	r.State = e.Event
}

// look reads of an unrecorded run what its manifest says, of whatever version.
func (r *Run) look(manifest string) {
	var m struct {
		Experiment string `json:"experiment"`
		SHA256     string `json:"experiment_sha256"`
		Revision   string `json:"git_revision"`
		Dirty      bool   `json:"git_dirty"`
		StartUTC   string `json:"start_utc"`
		HostClass  string `json:"host_class"`
	}
	text, err := os.ReadFile(manifest)
	if err != nil || json.Unmarshal(text, &m) != nil {
		return // it is listed with what is known
	}
	if m.Experiment != "" {
		r.Experiment = m.Experiment
	}
	r.SHA256, r.Revision, r.Dirty, r.StartUTC, r.HostClass = m.SHA256, m.Revision, m.Dirty, m.StartUTC, m.HostClass
}

// Course is the run's state in words.
func (r *Run) Course() string {
	words := map[Event]string{
		Started: "interrupted or running", Resumed: "interrupted or running", Stopped: "stopped", Failed: "failed", Ended: "ended", "": "unrecorded",
	}[r.State]
	if r.Deleted {
		words += ", deleted"
	}
	return words
}

// Before says in a line what was run below root before another run of this
// experiment begins.
func Before(root, experiment, sha256 string) (string, error) {
	runs, _, err := Runs(root)
	if err != nil {
		return "", err
	}
	of := runs[:0:0]
	for _, r := range runs {
		if r.Experiment == experiment {
			of = append(of, r)
		}
	}
	if len(of) == 0 {
		return "no earlier run of this experiment", nil
	}
	return "earlier runs of this experiment: " + tally(of, sha256), nil
}

// tally counts runs by what became of them.
func tally(runs []*Run, sha256 string) string {
	var same, early, deleted int
	for _, r := range runs {
		if sha256 != "" && r.SHA256 == sha256 {
			same++
		}
		if r.State != Ended && r.State != "" {
			early++
		}
		if r.Deleted {
			deleted++
		}
	}
	out := fmt.Sprint(len(runs))
	if sha256 != "" {
		out += fmt.Sprintf(", %d of them of the same file", same)
	}
	if early > 0 {
		out += fmt.Sprintf(", %d that did not end", early)
	}
	if deleted > 0 {
		out += fmt.Sprintf(", %d deleted since", deleted)
	}
	return out
}

// Summary is a line for each experiment: how many runs of how many versions of its
// file.
func Summary(runs []*Run) []string {
	by, names := map[string][]*Run{}, []string(nil)
	for _, r := range runs {
		if by[r.Experiment] == nil {
			names = append(names, r.Experiment)
		}
		by[r.Experiment] = append(by[r.Experiment], r)
	}
	sort.Strings(names)
	var out []string
	for _, name := range names {
		files := map[string]bool{}
		for _, r := range by[name] {
			files[r.SHA256] = true
		}
		text := fmt.Sprintf("%s: runs: %s", name, tally(by[name], ""))
		if len(files) > 1 {
			text += fmt.Sprintf("; %d versions of its file", len(files))
		}
		out = append(out, text)
	}
	return out
}
