package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// made is what a report consists of, below the result directory.
var made = []string{"analysis.json", "report.html", "figures", "tables"}

// unfinished begins the name of the directory in which a report is made.
const unfinished = ".report-"

// drawnBy names the toolchain of the last drawing; other compilers may compress
// or round a picture differently.
const drawnBy = "figures/DRAWN_BY"

// Build makes the report of the result in dir and returns its headline. What an
// earlier report left is replaced.
func Build(dir string) (headline string, err error) {
	r, err := result.Open(dir)
	if err != nil {
		return "", err
	}
	// What one that was killed has left would become part of the result.
	old, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	if err != nil {
		return "", err
	}
	for _, path := range old {
		if err := os.RemoveAll(path); err != nil {
			return "", err
		}
	}
	tmp, err := os.MkdirTemp(dir, unfinished)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	a, err := render(r, nil, tmp)
	if err != nil {
		return "", err
	}
	for _, name := range made {
		to := filepath.Join(dir, name)
		if err := os.RemoveAll(to); err != nil {
			return "", err
		}
		if err := os.Rename(filepath.Join(tmp, name), to); err != nil {
			return "", err
		}
	}
	return a.Headline, nil
}

// Verify makes the report of dir again, elsewhere, and compares every byte. PDF
// and PNG are compared only when the same toolchain drew them.
func Verify(dir string) error {
	r, err := result.Open(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "analysis.json")); err != nil {
		return fmt.Errorf("%s has no report: make one with ceteris report", dir)
	}
	tmp, err := os.MkdirTemp("", "ceteris-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if _, err := render(r, nil, tmp); err != nil {
		return err
	}
	want, err := reportFiles(tmp)
	if err != nil {
		return err
	}
	got, err := reportFiles(dir)
	if err != nil {
		return err
	}
	pictures := got[drawnBy] == want[drawnBy]
	var errs []error
	for _, name := range names(want, got) {
		ext := filepath.Ext(name)
		_, drawn := want[name]
		_, there := got[name]
		switch {
		case !there:
			errs = append(errs, fmt.Errorf("%s is missing", name))
		case !drawn:
			errs = append(errs, fmt.Errorf("%s does not follow from the raw files", name))
		case name == drawnBy, !pictures && (ext == ".pdf" || ext == ".png"):
		case want[name] != got[name]:
			errs = append(errs, fmt.Errorf("%s differs from what the raw files give", name))
		}
	}
	return errors.Join(errs...)
}

// Explore makes a report of the result in dir with the endpoints and claims of
// another file than its own, marked exploratory, into the directory out, which
// must not exist, and returns its headline. The result stays as it is.
func Explore(dir, out string, later *workloads.Experiment) (headline string, err error) {
	r, err := result.Open(dir)
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return "", err
	}
	a, err := render(r, later, out)
	if err != nil {
		return "", err
	}
	return a.Headline, nil
}

// Figures draws the figures of the result in dir into out, made if it is not
// there, in these of [figure.Formats] and at this width, and returns how many there
// are. The result stays as it is.
func Figures(dir, out string, formats []string, width figure.Width) (n int, err error) {
	r, err := result.Open(dir)
	if err != nil {
		return 0, err
	}
	a, d, err := analyse(r, nil)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return 0, err
	}
	e, _ := workloads.Parse("experiment.yaml", []byte(r.Manifest.ExperimentText))
	drawn, err := (&gallery{a: a, d: d, dir: out, formats: formats, width: width}).all(e, r.Cells)
	for _, at := range drawn {
		n += len(at)
	}
	return n, err
}

// render writes a whole report of r into out; later as in analyse.
func render(r *result.Run, later *workloads.Experiment, out string) (*Analysis, error) {
	a, d, err := analyse(r, later)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"figures", "tables"} {
		if err := os.MkdirAll(filepath.Join(out, sub), 0o755); err != nil {
			return nil, err
		}
	}
	if err := result.WriteJSON(filepath.Join(out, "analysis.json"), a); err != nil {
		return nil, err
	}
	if err := writeTables(a, filepath.Join(out, "tables")); err != nil {
		return nil, err
	}
	// One that this version cannot read has no curves; the analysis says so.
	e, _ := workloads.Parse("experiment.yaml", []byte(r.Manifest.ExperimentText))
	pictures, err := drawAll(a, d, e, r.Cells, filepath.Join(out, "figures"))
	if err != nil {
		return nil, err
	}
	if later != nil && e != nil {
		e.Claims = later.Claims
	}
	shown := a.claimMap(e, pictures)
	if err := writeClaimMap(shown, a.Baseline, filepath.Join(out, "tables", "claim-map.csv")); err != nil {
		return nil, err
	}
	by := runtime.Version() + " " + runtime.GOARCH + "\n"
	if err := os.WriteFile(filepath.Join(out, drawnBy), []byte(by), 0o644); err != nil {
		return nil, err
	}
	return a, writePage(a, r, pictures, shown, filepath.Join(out, "report.html"))
}

// reportFiles reads the report in dir: slash-separated path to contents.
func reportFiles(dir string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range made {
		err := filepath.WalkDir(filepath.Join(dir, name), func(path string, e os.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			if err != nil || e.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			b, err := os.ReadFile(path)
			out[filepath.ToSlash(rel)] = string(b)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func names(maps ...map[string]string) []string {
	seen := map[string]bool{}
	var out []string
	for _, m := range maps {
		for name := range m {
			if !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
		}
	}
	sort.Strings(out)
	return out
}
