package modeltest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/models/log/check"
)

// Script is what is asked of a broker, life by life: between two lives it is
// stopped and started on what it left.
type Script struct {
	Name  string
	Set   []string // settings that the script needs, names and values in turn
	Lives []func(*Tape)
}

// Life is what one life of a broker gave: what it said and what it left.
type Life struct {
	Lines []Line
	Files map[string][]byte
}

// Play runs a script at a point, in a directory of its own.
func (s *Script) Play(t testing.TB, p Point, listen string) []Life {
	t.Helper()
	dir := t.TempDir()
	p = p.With(s.Set...)
	var lives []Life
	for _, life := range s.Lives {
		_, stop := p.Start(t, dir, listen)
		tape := &Tape{T: t, Addr: listen, Direct: p.direct()}
		life(tape)
		tape.Close()
		stop()
		if t.Failed() {
			t.FailNow()
		}
		MustCheck(t, dir)
		lives = append(lives, Life{tape.Lines, Files(t, dir)})
	}
	return lives
}

// MustCheck fails the test when a stopped broker's directory has a problem.
func MustCheck(t testing.TB, dir string) {
	t.Helper()
	var out bytes.Buffer
	if n, err := check.Check(dir, &out); err != nil || n > 0 {
		t.Fatalf("%d problems in %s: %v\n%s", n, dir, err, indent(out.String()))
	}
}

// Files reads everything that a stopped broker left below logs, by path. A
// directory's own id is drawn, and left out.
func Files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	root := filepath.Join(dir, "logs")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if name == "meta.properties" {
			b = withoutLine(b, "directory.id=")
		}
		files[name] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func withoutLine(b []byte, prefix string) []byte {
	var kept []string
	for _, line := range strings.SplitAfter(string(b), "\n") {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	return []byte(strings.Join(kept, ""))
}

// DiffFiles describes how two directories differ, "" when they do not.
func DiffFiles(a, b map[string][]byte) string {
	names := map[string]bool{}
	for n := range a {
		names[n] = true
	}
	for n := range b {
		names[n] = true
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	sort.Strings(sorted)
	var out strings.Builder
	for _, n := range sorted {
		x, inA := a[n]
		y, inB := b[n]
		switch {
		case !inA || !inB:
			fmt.Fprintf(&out, "%s: only one has it\n", n)
		case !bytes.Equal(x, y):
			at := 0
			for at < min(len(x), len(y)) && x[at] == y[at] {
				at++
			}
			fmt.Fprintf(&out, "%s: %d and %d bytes, differ from byte %d on\n%s\nthe other\n%s\n", n, len(x), len(y), at, around(x, at), around(y, at))
		}
	}
	return out.String()
}

// Same fails the test unless two plays of a script gave the same.
func (s *Script) Same(t testing.TB, a, b []Life) {
	t.Helper()
	for i := range s.Lives {
		if d := Diff(a[i].Lines, b[i].Lines); d != "" {
			t.Errorf("%s, life %d: the answers differ: %s", s.Name, i+1, d)
		}
		if d := DiffFiles(a[i].Files, b[i].Files); d != "" {
			t.Errorf("%s, life %d: the files differ:\n%s", s.Name, i+1, indent(d))
		}
	}
}

// Scripts is the suite.
func Scripts() []*Script {
	return []*Script{&data, &producers, &fetching, &rolling, &retention, &compaction, &metadata, &refused}
}
