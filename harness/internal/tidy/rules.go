package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// module is the path that imports of this repository begin with.
const module = "github.com/ceteris/ceteris"

// maxLines is the size above which a file has more than one idea in it.
const maxLines = 800

// file is one Go file: its slash-separated path below the root, and its text.
type file struct {
	path string
	text string
	set  *token.FileSet
	ast  *ast.File
}

// parse reads one file; a syntax error is the compiler's business but still an error.
func parse(name, text string) (*file, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{path: name, text: text, set: set, ast: tree}, nil
}

func (f *file) dir() string  { return path.Dir(f.path) }
func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f *file) lines() int   { return strings.Count(f.text, "\n") }
func (f *file) at(p token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, f.set.Position(p).Line)
}

// under reports whether a path is dir or below it.
func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// forbidden says which parts of the house a part must not import, and why.
var forbidden = []struct {
	from, to, why string
}{
	{"models", "tpc", "what both brokers share cannot know one of them"},
	{"models", "threadpool", "what both brokers share cannot know one of them"},
	{"models", "harness", "what is measured cannot know who measures"},
	{"models", "workloads", "what is measured cannot know what it will be asked"},
	{"tpc", "threadpool", "the two models share code only through models, or a change to one would move the other"},
	{"tpc", "harness", "what is measured cannot know who measures"},
	{"tpc", "workloads", "what is measured cannot know what it will be asked"},
	{"threadpool", "tpc", "the two models share code only through models, or a change to one would move the other"},
	{"threadpool", "harness", "what is measured cannot know who measures"},
	{"threadpool", "workloads", "what is measured cannot know what it will be asked"},
	{"workloads", "harness", "a workload is a pure function of its file and seed"},
	{"workloads", "tpc", "both models get the same workload"},
	{"workloads", "threadpool", "both models get the same workload"},
}

// imports finds imports against the direction of the house. The conformance
// suite's own tests run over both models and may import them.
func imports(f *file) (problems []string) {
	if f.isTest() && under(f.dir(), "models/modeltest") {
		return nil
	}
	for _, spec := range f.ast.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		target, ours := strings.CutPrefix(target, module+"/")
		if !ours {
			continue
		}
		for _, rule := range forbidden {
			if under(f.dir(), rule.from) && under(target, rule.to) {
				problems = append(problems, fmt.Sprintf("%s: %s imports %s: %s", f.at(spec.Pos()), rule.from, rule.to, rule.why))
			}
		}
	}
	return problems
}

// unsafeDirs may use unsafe: they talk to the kernel in its own structures, or
// hand out memory that the collector does not know.
var unsafeDirs = []string{"models/uring", "models/arena", "tpc/reactor", "threadpool/kernel"}

func unsafeImports(f *file) (problems []string) {
	for _, spec := range f.ast.Imports {
		if spec.Path.Value != `"unsafe"` {
			continue
		}
		allowed := false
		for _, dir := range unsafeDirs {
			allowed = allowed || under(f.dir(), dir)
		}
		if !allowed {
			problems = append(problems, fmt.Sprintf("%s: unsafe is for %s only", f.at(spec.Pos()), strings.Join(unsafeDirs, ", ")))
		}
	}
	return problems
}

func length(f *file) []string {
	if n := f.lines(); n > maxLines {
		return []string{fmt.Sprintf("%s: %d lines, at most %d: split it by idea", f.path, n, maxLines)}
	}
	return nil
}

// leftover are the marks of work that was put off. The words are written so
// that this file does not contain them.
var leftover = regexp.MustCompile(`\b(` + "TO" + `DO|` + "FIX" + `ME|` + "XX" + `X)\b`)

func leftovers(f *file) (problems []string) {
	for _, group := range f.ast.Comments {
		for _, c := range group.List {
			if mark := leftover.FindString(c.Text); mark != "" {
				problems = append(problems, fmt.Sprintf("%s: %s: do it, or write down why it need not be done", f.at(c.Pos()), mark))
			}
		}
	}
	return problems
}

// hot are the parts in which time passes only through telemetry.Now; cold are
// the places in them that may ask the wall clock, each with its reason.
var (
	hot  = []string{"models", "tpc", "threadpool"}
	cold = map[string]string{
		"models/modeltest":       "is a test",
		"models/telemetry":       "is the clock",
		"models/cluster":         "is cold, and dates its decisions",
		"models/log":             "dates files while it opens them",
		"threadpool/selector.go": "package net takes deadlines as time.Time",
	}
)

func clocks(f *file) (problems []string) {
	if f.isTest() {
		return nil
	}
	isHot := false
	for _, dir := range hot {
		isHot = isHot || under(f.dir(), dir)
	}
	for place := range cold {
		isHot = isHot && !under(f.path, place)
	}
	if !isHot {
		return nil
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && sel.Sel.Name == "Now" {
			problems = append(problems, f.at(sel.Pos())+": time.Now on a hot path: telemetry.Now costs half and can be replaced")
		}
		return true
	})
	return problems
}

// still are the packages of state machines, where nothing happens on its own.
var still = []string{"models/batch", "models/wire", "models/api", "models/partition", "models/iobuf"}

func goroutines(f *file) (problems []string) {
	if f.isTest() {
		return nil
	}
	for _, dir := range still {
		if !under(f.dir(), dir) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				problems = append(problems, f.at(g.Pos())+": a goroutine in a state machine: who runs it is what the models differ in")
			}
			return true
		})
		for _, spec := range f.ast.Imports {
			if spec.Path.Value == `"net"` {
				problems = append(problems, f.at(spec.Pos())+": a socket in a state machine: how bytes travel is what the models differ in")
			}
		}
	}
	return problems
}

// fileRules look at one file each.
var fileRules = []func(*file) []string{imports, unsafeImports, length, leftovers, clocks, goroutines}

// packages finds directories without a package comment.
func packages(files []*file) (problems []string) {
	has := map[string]bool{}
	for _, f := range files {
		if f.isTest() {
			continue
		}
		has[f.dir()] = has[f.dir()] || f.ast.Doc != nil && strings.TrimSpace(f.ast.Doc.Text()) != ""
	}
	for dir, ok := range has {
		if !ok {
			problems = append(problems, dir+": no package comment: what is this package, in one sentence?")
		}
	}
	sort.Strings(problems)
	return problems
}

// top is what may stand at the root beside dot files.
var top = []string{
	"models", "tpc", "threadpool", "workloads", "harness", "results", "notebooks", "run.sh",
	"README.md", "ARCHITECTURE.md", "CITATION.cff", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "go.mod", "go.sum",
}

// strangers finds names at the root that the design does not have.
func strangers(names []string) (problems []string) {
	known := map[string]bool{}
	for _, n := range top {
		known[n] = true
	}
	for _, n := range names {
		if !known[n] && !strings.HasPrefix(n, ".") {
			problems = append(problems, n+" stands at the top: it belongs into one of the folders that are there")
		}
	}
	return problems
}

// median is the middle of the lengths of files that are not tests, in lines.
func median(files []*file) int {
	var n []int
	for _, f := range files {
		if !f.isTest() {
			n = append(n, f.lines())
		}
	}
	if len(n) == 0 {
		return 0
	}
	sort.Ints(n)
	return n[len(n)/2]
}
