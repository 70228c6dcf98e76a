package conformance

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/modeltest"
)

// Exit codes of the command.
const (
	exitFailure = 1
	exitUsage   = 2
)

// TestRefusesToStart has the command start brokers that cannot work. Both models
// say why in one line that names what is wrong, end with the right code, and
// leave what was there as it was.
func TestRefusesToStart(t *testing.T) {
	command := filepath.Join(t.TempDir(), "ceteris")
	build := exec.Command("go", "build", "-o", command, "github.com/ceteris/ceteris/harness/cmd/ceteris")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, model := range []string{"tpc", "threadpool"} {
		p := modeltest.Point{Model: model}
		if model == "tpc" {
			p.Shards = 1
		}
		t.Run(model, func(t *testing.T) {
			used := t.TempDir()
			b, _ := p.Start(t, used, "127.0.0.1:0")
			refuse := func(what string, code int, names string, args ...string) {
				t.Helper()
				t.Run(what, func(t *testing.T) {
					refuses(t, command, code, names, append([]string{"broker", "--model", model}, args...))
				})
			}
			fresh, any := t.TempDir(), "127.0.0.1:0"
			refuse("directory in use", exitFailure, used, "--data", used, "--listen", any, "--memory", "64MiB")
			refuse("port taken", exitFailure, b.Addr(), "--data", fresh, "--listen", b.Addr(), "--memory", "64MiB")
			refuse("no such CPU", exitUsage, "1023", "--data", fresh, "--listen", any, "--cpus", "1023")
			refuse("no CPU list", exitUsage, "one", "--data", fresh, "--listen", any, "--cpus", "one")
			refuse("too little memory", exitUsage, "1MiB", "--data", fresh, "--listen", any, "--memory", "1MiB")
			refuse("more memory than there is", exitUsage, "9999TiB", "--data", fresh, "--listen", any, "--memory", "9999TiB")
			refuse("no such address", exitFailure, "192.0.2.1", "--data", fresh, "--listen", "192.0.2.1:0", "--memory", "64MiB")
			refuse("no address", exitUsage, "nonsense", "--data", fresh, "--listen", "nonsense", "--memory", "64MiB")
			refuse("no such setting", exitUsage, "nope", "--data", fresh, "--listen", any, "--set", "nope=1")
			refuse("setting out of bounds", exitUsage, "log.segment.bytes", "--data", fresh, "--listen", any, "--set", "log.segment.bytes=1")
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			refuse("a file for a directory", exitFailure, file, "--data", file, "--listen", any, "--memory", "64MiB")
			refuse("a directory below a file", exitFailure, file, "--data", filepath.Join(file, "d"), "--listen", any, "--memory", "64MiB")
			strange := t.TempDir()
			if err := os.MkdirAll(filepath.Join(strange, "logs", "stray-0"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(strange, "logs", "stray-0", "00000000000000000000.log"), []byte("precious"), 0o644); err != nil {
				t.Fatal(err)
			}
			refuse("logs that no metadata names", exitFailure, "stray-0", "--data", strange, "--listen", any, "--memory", "64MiB")
			if left, err := os.ReadFile(filepath.Join(strange, "logs", "stray-0", "00000000000000000000.log")); err != nil || string(left) != "precious" {
				t.Errorf("a log that was not understood is now %q, %v", left, err)
			}
			refuse("a directory that may not be written", exitFailure, "read-only", "--data", readOnly(t), "--listen", any, "--memory", "64MiB")
		})
	}
}

func refuses(t *testing.T, command string, code int, names string, args []string) {
	t.Helper()
	cmd := exec.Command(command, append(args, "--stop-with-stdin")...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != code {
		t.Errorf("%s: ended with %v, want code %d", strings.Join(args, " "), err, code)
	}
	said := errs.String()
	if strings.Count(said, "\n") != 1 || !strings.HasSuffix(said, "\n") {
		t.Errorf("%s: not one line: %q", strings.Join(args, " "), said)
	}
	if !strings.Contains(said, names) {
		t.Errorf("%s: %q does not name %q", strings.Join(args, " "), said, names)
	}
	if out.Len() > 0 {
		t.Errorf("%s: said on stdout %q", strings.Join(args, " "), out.String())
	}
}

// readOnly is an existing directory that cannot be written, by its mount for
// those whom modes do not stop.
func readOnly(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "read-only")
	if err := os.Mkdir(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return dir
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY, ""); err != nil {
		t.Skipf("root writes anywhere, and a read-only file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
