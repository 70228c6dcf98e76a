package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/internal/reference"
	"github.com/ceteris/ceteris/models/disk"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ceteris": main})
}

// TestCommand tells the command line's stories, each in a process of its own.
func TestCommand(t *testing.T) {
	allowed, err := host.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	kept := reference.Dir(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // with the race detector every command would sleep a second as it ends
			env.Setenv("CPU", strconv.Itoa(allowed[0]))
			env.Setenv("REFERENCE", kept)
			env.Setenv("SCHEMAS", filepath.Join(filepath.Dir(kept), "../../harness/schema"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code": code, "taken": taken, "hold": hold, "oneline": oneLine,
		},
	})
}

// code N COMMAND… runs a command and requires its exit code.
func code(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[1])
	if err != nil {
		for _, dir := range strings.Split(ts.Getenv("PATH"), ":") {
			if _, err := os.Stat(dir + "/" + args[1]); err == nil {
				path = dir + "/" + args[1]
				break
			}
		}
	}
	cmd := exec.Command(path, args[2:]...)
	cmd.Args[0] = args[1]
	cmd.Dir = ts.Getenv("WORK")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its exit code is looked at below
	fmt.Fprint(ts.Stdout(), out.String())
	fmt.Fprint(ts.Stderr(), errs.String())
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// taken occupies a port until the story's end and sets TAKEN to its address.
func taken(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("TAKEN", l.Addr().String())
	ts.Defer(func() { l.Close() })
}

// hold DIR locks a data directory as a running broker does.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	release, err := disk.LockDir(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(release)
}

// oneline NAME requires exactly one line.
func oneLine(ts *testscript.TestScript, _ bool, args []string) {
	if text := ts.ReadFile(args[0]); strings.Count(text, "\n") != 1 {
		ts.Fatalf("%s is not one line: %q", args[0], text)
	}
}
