package disk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A directory belongs to one process; the error names it. The second process is
// this test binary again.
func TestLockDirNamesItsHolder(t *testing.T) {
	if dir := os.Getenv("DISK_TEST_LOCK"); dir != "" {
		_, err := LockDir(dir)
		fmt.Println(err)
		return
	}
	dir := t.TempDir()
	release, err := LockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockDirNamesItsHolder$")
	cmd.Env = append(os.Environ(), "DISK_TEST_LOCK="+dir)
	out, err := cmd.Output()
	if want := fmt.Sprintf("directory %s is in use by process %d\n", dir, os.Getpid()); err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
	release()
	release, err = LockDir(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	release()
	if _, err := LockDir(dir + "/missing"); !os.IsNotExist(err) {
		t.Errorf("lock of nothing: %v", err)
	}
}

// aligned is memory at a page boundary.
func aligned(t *testing.T, n int) []byte {
	t.Helper()
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(b) })
	return b
}

// Whatever the file system, an aligned block comes back, and a refusal says why.
func TestOpenDirect(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "/dev/shm", "/proc/self"} {
		path := filepath.Join(dir, "ceteris-direct-test")
		d, err := OpenDirect(path)
		if err != nil {
			if dir == "/proc/self" && strings.Contains(err.Error(), path) {
				continue
			}
			t.Errorf("%s: %v", dir, err)
			continue
		}
		t.Cleanup(func() { d.Close(); os.Remove(path) })
		t.Logf("%s: memory %d, offsets %d, refused %q", dir, d.MemAlign, d.OffsetAlign, d.Refused)
		if d.MemAlign < 1 || d.OffsetAlign < 1 || Align%d.MemAlign != 0 || Align%d.OffsetAlign != 0 {
			t.Errorf("%s: alignments %d and %d do not divide %d", dir, d.MemAlign, d.OffsetAlign, Align)
		}
		if d.Refused != "" && !strings.Contains(d.Refused, path) {
			t.Errorf("%s: the reason %q does not name the file", dir, d.Refused)
		}
		b := aligned(t, 2*Align)
		copy(b, "block")
		if _, err := d.WriteAt(b, Align); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		clear(b)
		if n, err := d.ReadAt(b[:Align], Align); err != nil || n != Align || string(b[:5]) != "block" {
			t.Errorf("%s: read %d bytes %q: %v", dir, n, b[:5], err)
		}
		if err := d.Truncate(Align + 5); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		if size, err := d.Size(); size != Align+5 || err != nil {
			t.Errorf("%s: size %d, %v", dir, size, err)
		}
	}
}
