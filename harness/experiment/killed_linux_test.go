package experiment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/ledger"
	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/harness/result"
)

// harnessMark makes the test binary a harness that runs below a directory, or
// goes on with the run that is there.
const harnessMark = "CETERIS_HARNESS"

// slowMark has it run one cell that takes long.
const slowMark = "CETERIS_SLOW"

func killable() *Options {
	return &Options{Experiment: small(2, "w", "a", "b"), Settle: 50 * time.Millisecond, Out: io.Discard, Env: fakeEnv}
}

func fakeHarness(root string) int {
	o := killable()
	if os.Getenv(slowMark) != "" {
		o.Experiment = small(1, workloadSlow, "a")
	}
	o.Root, o.Binary = root, os.Args[0]
	if runs, _ := filepath.Glob(filepath.Join(root, "small", "*", "manifest.json")); len(runs) > 0 {
		o.Resume = filepath.Dir(runs[0])
	}
	if _, err := Run(context.Background(), *o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilled: a harness that is killed at any moment takes its children with it,
// and the next one goes on with the same plan.
func TestKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	root := t.TempDir()
	var planned []result.PlannedCell
	kills := 4
	if testing.Short() {
		kills = 2
	}
	for try := 0; ; try++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), harnessMark+"="+root)
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if try < kills {
			time.Sleep(time.Duration(random.IntN(900)+50) * time.Millisecond)
			_ = cmd.Process.Kill() // it may have ended
		}
		err := cmd.Wait()
		dirs, _ := filepath.Glob(filepath.Join(root, "small", "*", "manifest.json"))
		if len(dirs) == 0 {
			continue // killed before there was anything to resume
		}
		r := open(t, filepath.Dir(dirs[0]))
		if planned != nil && !reflect.DeepEqual(planned, r.Planned) {
			t.Fatalf("seed %d: the plan is %v, was %v", seed, r.Planned, planned)
		}
		planned = r.Planned
		if err != nil && try >= kills {
			t.Fatalf("seed %d: not killed, and ended with %v: %s", seed, err, said.String())
		}
		if err == nil {
			if len(dirs) != 1 || !r.Complete || len(r.Cells) != 6 {
				t.Fatalf("seed %d: %d runs, %d of 6 cells", seed, len(dirs), len(r.Cells))
			}
			if err := result.Verify(r.Dir); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			if runs, torn, err := ledger.Runs(root); err != nil || torn > 0 || len(runs) != 1 || runs[0].State != ledger.Ended {
				t.Errorf("seed %d: the ledger: %d runs, %d torn lines, %v", seed, len(runs), torn, err)
			}
			return
		}
	}
}

// fill writes until there is no room; the error says so.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	piece := make([]byte, 64<<10)
	for {
		if _, err := f.Write(piece); err != nil {
			return err
		}
	}
}

// TestDiskFills: the broker's disk, on which the result lies too, fills up in the
// middle of a cell. The cell is kept, marked and left out, the others count, and
// the report says so.
func TestDiskFills(t *testing.T) {
	root := t.TempDir()
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a disk of 4 MiB takes root and a mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	told(t, root, modelFills, "w", "no space left on device")
}

// TestBrokerDies: the same of a broker that ends on its own.
func TestBrokerDies(t *testing.T) { told(t, t.TempDir(), modelDies, "w", "disk on fire") }

// told runs a good arm beside a bad one and reports: the bad one's cells are
// kept and told of in the given words, and in no number.
func told(t *testing.T, root, bad, workload, words string) {
	t.Helper()
	e := small(1, workload, "a", bad)
	e.Replicate = "a"
	o := options(t, e)
	o.Root = root
	o.judged = spoil() // what the machine did meanwhile is not this test's
	dir, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range open(t, dir).Cells {
		if c.Valid != (c.Arm == "a") || c.Arm == bad && !strings.Contains(c.Error, words) {
			t.Errorf("%s: valid %v, error %q, want %q of %s only", c.ID, c.Valid, c.Error, words, bad)
		}
	}
	headline, err := report.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), words) || !strings.Contains(headline, "2 of 3 cells count") {
		t.Errorf("the report does not tell of %q:\n%s", words, headline)
	}
}

// TestLateGenerator: on a machine of class B a cell whose requests left late is
// kept, marked and left out; on class C it is marked.
func TestLateGenerator(t *testing.T) {
	for _, class := range []host.Class{host.ClassB, host.ClassC} {
		o := options(t, small(1, workloadLate, "a"))
		o.class = class
		dir, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range open(t, dir).Cells {
			g := gateOf(c, "slip")
			if g == nil || g.OK || g.Advisory != (class == host.ClassC) || class == host.ClassB && c.Valid {
				t.Errorf("class %s: %s is valid: %v, gate %+v", class, c.ID, c.Valid, g)
			}
		}
		if _, err := report.Build(dir); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(dir, "report.html"))
		if err != nil || !strings.Contains(string(page), "p99 of lateness 40000 ns") && class == host.ClassB {
			t.Errorf("class %s: the report does not tell of the lateness (%v)", class, err)
		}
	}
}
