package tidy

import (
	"strings"
	"testing"
)

// TestRules feeds every rule something bad, which it must name, and something
// good beside it, which it must leave alone.
func TestRules(t *testing.T) {
	mark := "FIX" + "ME"
	cases := []struct {
		name string
		rule func(*file) []string
		path string
		text string
		want string // part of the one problem; "" for none
	}{
		{"models import a model", imports, "models/api/x.go", `import "github.com/ceteris/ceteris/tpc/mesh"`, "models/api/x.go:2: models imports tpc"},
		{"one model imports the other", imports, "tpc/x.go", `import "github.com/ceteris/ceteris/threadpool"`, "tpc imports threadpool"},
		{"and back", imports, "threadpool/purgatory/x.go", `import "github.com/ceteris/ceteris/tpc"`, "threadpool imports tpc"},
		{"a broker imports the harness", imports, "tpc/x_test.go", `import "github.com/ceteris/ceteris/harness/host"`, "tpc imports harness"},
		{"a workload imports the harness", imports, "workloads/x.go", `import "github.com/ceteris/ceteris/harness/load"`, "workloads imports harness"},
		{"downwards", imports, "harness/cmd/ceteris/x.go", `import "github.com/ceteris/ceteris/tpc"`, ""},
		{"a name that begins alike", imports, "tpcx/x.go", `import "github.com/ceteris/ceteris/threadpool"`, ""},
		{"conformance over both", imports, "models/modeltest/both_test.go", `import "github.com/ceteris/ceteris/tpc"`, ""},
		{"conformance itself", imports, "models/modeltest/suite.go", `import "github.com/ceteris/ceteris/tpc"`, "models imports tpc"},

		{"unsafe in a state machine", unsafeImports, "models/wire/x.go", `import "unsafe"`, "unsafe is for"},
		{"unsafe beside an allowed directory", unsafeImports, "models/uringx/x.go", `import "unsafe"`, "unsafe is for"},
		{"unsafe where the kernel is", unsafeImports, "models/uring/x.go", `import "unsafe"`, ""},

		{"a long file", length, "harness/x.go", strings.Repeat("\n", maxLines), "801 lines"},
		{"one that just fits", length, "harness/x.go", strings.Repeat("\n", maxLines-1), ""},

		{"a leftover", leftovers, "harness/x.go", "// " + mark + " later\nvar x int", mark + ": do it"},
		{"the word in a string", leftovers, "harness/x.go", `var x = "` + mark + `"`, ""},

		{"the wall clock on a hot path", clocks, "models/api/x.go", `import "time"; var x = time.Now()`, "time.Now on a hot path"},
		{"the clock itself", clocks, "models/telemetry/clock.go", `import "time"; var x = time.Now()`, ""},
		{"a test", clocks, "tpc/x_test.go", `import "time"; var x = time.Now()`, ""},
		{"the harness", clocks, "harness/x.go", `import "time"; var x = time.Now()`, ""},

		{"a goroutine in a state machine", goroutines, "models/batch/x.go", "func f() { go f() }", "a goroutine in a state machine"},
		{"a socket in a state machine", goroutines, "models/wire/x.go", `import "net"`, "a socket in a state machine"},
		{"a goroutine in a broker", goroutines, "threadpool/x.go", "func f() { go f() }", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, err := parse(c.path, "package x\n"+c.text)
			if err != nil {
				t.Fatal(err)
			}
			problems := c.rule(f)
			switch {
			case c.want == "" && len(problems) > 0:
				t.Errorf("unexpected problems: %q", problems)
			case c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0], c.want)):
				t.Errorf("got %q, want one that says %q", problems, c.want)
			}
		})
	}
}

func TestPackageComment(t *testing.T) {
	var files []*file
	for name, text := range map[string]string{
		"models/a/a.go":      "package a",
		"models/a/a_test.go": "// Package a is documented in its test only.\npackage a",
		"models/b/b.go":      "package b",
		"models/b/doc.go":    "// Package b is documented.\npackage b",
	} {
		f, err := parse(name, text)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	problems := packages(files)
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "models/a:") {
		t.Errorf("got %q, want models/a alone", problems)
	}
}

func TestStrangers(t *testing.T) {
	problems := strangers([]string{"models", "go.mod", ".github", "src"})
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "src ") {
		t.Errorf("got %q, want src alone", problems)
	}
}

func TestMedian(t *testing.T) {
	var files []*file
	for name, lines := range map[string]int{"a.go": 1, "b.go": 5, "c.go": 100, "d_test.go": 700} {
		f, err := parse(name, "package x"+strings.Repeat("\n", lines))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if got := median(files); got != 5 {
		t.Errorf("median %d, want 5: tests do not count", got)
	}
}
