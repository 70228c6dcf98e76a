package modeltest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
)

// childEnv carries the order of a child process: which broker to be.
const childEnv = "MODELTEST_CHILD"

// order is what a child process is told.
type order struct {
	Point     Point
	Dir       string
	Listen    string
	FileBytes uint64 // largest file it may write; 0 leaves it
}

// Child is a broker in a process of its own, which can be killed.
type Child struct {
	Addr  string
	Admin string // address of the admin port
	cmd   *exec.Cmd
	stdin interface{ Close() error }

	mu     sync.Mutex
	stderr strings.Builder
}

// Main runs the tests, or the broker that a test of this program asked for. A
// package that starts children calls it from TestMain with m.Run.
func Main(run func() int) {
	raw := os.Getenv(childEnv)
	if raw == "" {
		os.Exit(run())
	}
	if err := beChild(raw); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// beChild is a broker until its standard input ends, so that no child outlives
// its test.
func beChild(raw string) error {
	var o order
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		return fmt.Errorf("%s: %w", childEnv, err)
	}
	if o.FileBytes > 0 {
		signal.Ignore(unix.SIGXFSZ)
		limit := unix.Rlimit{Cur: o.FileBytes, Max: o.FileBytes}
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
			return fmt.Errorf("limiting files to %d bytes: %w", o.FileBytes, err)
		}
	}
	b, err := o.Point.New(o.Dir, o.Listen)
	if err == nil {
		err = b.Start()
	}
	if err != nil {
		return err
	}
	admin, closeAdmin, err := telemetry.ServeAdmin("127.0.0.1:0", b.Telemetry())
	if err != nil {
		return err
	}
	defer closeAdmin()
	fmt.Printf("ready %s %s\n", b.Addr(), admin)
	ended := make(chan struct{})
	go func() {
		in := bufio.NewReader(os.Stdin)
		for {
			if _, err := in.ReadByte(); err != nil {
				close(ended)
				return
			}
		}
	}()
	select {
	case <-ended:
	case err := <-b.Fatal():
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	return b.Stop(ctx)
}

// StartChild starts a broker in a process of its own and waits until it serves.
// No file of it may grow above fileBytes, if that is not 0.
func (p Point) StartChild(t testing.TB, dir, listen string, fileBytes uint64) *Child {
	t.Helper()
	raw, err := json.Marshal(order{p, dir, listen, fileBytes})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &Child{cmd: exec.Command(self)}
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(raw))
	c.cmd.Stderr = c
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() }) // it has ended, unless the test failed
	line, err := bufio.NewReader(out).ReadString('\n')
	said := strings.Fields(line)
	if err != nil || len(said) != 3 || said[0] != "ready" {
		t.Fatalf("%s: %q, %v, %v\n%s", p, line, err, c.cmd.Wait(), indent(c.Stderr()))
	}
	c.Addr, c.Admin = said[1], said[2]
	return c
}

// Write takes what the child says on stderr.
func (c *Child) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stderr.Write(b)
}

// Stderr is what the child has said so far.
func (c *Child) Stderr() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stderr.String()
}

// PID is the child's process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Kill ends the child as kill -9 does and waits until it is gone.
func (c *Child) Kill(t testing.TB) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatalf("kill: %v\n%s", err, indent(c.Stderr()))
	}
	if err := c.cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself before it was killed")
	}
}

// Stop ends the child cleanly; the error is what it said when it failed.
func (c *Child) Stop(t testing.TB) error {
	t.Helper()
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, indent(c.Stderr()))
	}
	return nil
}

// MemoryBytes is the child's resident memory.
func (c *Child) MemoryBytes(t testing.TB) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no VmRSS of process %d", c.PID())
	return 0
}

// CPUTime is how long the child has run on processors.
func (c *Child) CPUTime(t testing.TB) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.PID()))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const utime, stime, hertz = 11, 12, 100 // counted from behind the name; USER_HZ
	user, uerr := strconv.ParseInt(f[utime], 10, 64)
	system, serr := strconv.ParseInt(f[stime], 10, 64)
	if uerr != nil || serr != nil {
		t.Fatalf("times of process %d: %v %v", c.PID(), uerr, serr)
	}
	return time.Duration(user+system) * time.Second / hertz
}
