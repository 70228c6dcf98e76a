package experiment

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/harness/result"
)

// slowRun is what a harness runs whose one cell takes long.
func slowRun(t *testing.T, root string) Options {
	o := options(t, small(1, workloadSlow, "a"))
	o.Root, o.leave = root, 100*time.Millisecond
	return o
}

// begun waits for a run below root whose load has started.
func begun(t *testing.T, root string) (dir string) {
	t.Helper()
	for {
		if found, _ := filepath.Glob(filepath.Join(root, "small", "*", "blocks", "*", "*", "metrics-begin.txt")); len(found) > 0 {
			return filepath.Join(found[0], "../../../..")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestAlone: a run that is under way is nobody else's to go on with. While a child of
// a harness that was killed still runs, nothing is measured beside it and its data is
// not removed below it.
func TestAlone(t *testing.T) {
	root := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), harnessMark+"="+root, slowMark+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir := begun(t, root)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	o := slowRun(t, root)
	o.Resume = dir
	_, second := Run(ctx, o)
	data, _ := filepath.Glob(filepath.Join(dir, "data", "*", "used"))
	events, err := result.ReadJournal(dir)
	if err := errors.Join(err, cmd.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if second == nil || !strings.Contains(second.Error(), "another process is running this experiment") {
		t.Errorf("a second harness: %v", second)
	}
	if len(data) != 1 || events[len(events)-1].Event != result.EventCellStart {
		t.Errorf("after it, data of the first one's broker %v, last event %+v", data, events[len(events)-1])
	}

	// The fake load does not watch its standard input.
	_, err = Run(ctx, o)
	for _, pid := range processesOf(t, root) {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "has left there is still running") {
		t.Fatalf("beside the load of a harness that was killed: %v", err)
	}
	o.leave = 10 * time.Second
	if _, err := Run(ctx, o); !errors.Is(err, ErrStopped) {
		t.Errorf("after its end: %v, want a run that is interrupted", err)
	}
}

// processesOf are the processes whose command lines name root.
func processesOf(t *testing.T, root string) (pids []int) {
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		text, err := os.ReadFile(path)
		if pid, perr := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && perr == nil && bytes.Contains(text, []byte(root)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
