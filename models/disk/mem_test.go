package disk

import (
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
	"testing"
)

func mustOpen(t *testing.T, fs FS, path string, flag int) File {
	t.Helper()
	f, err := fs.Open(path, flag)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustWrite(t *testing.T, f File, data string, off int64) {
	t.Helper()
	if n, err := f.WriteAt([]byte(data), off); n != len(data) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(data), err)
	}
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// state is what a file holds, or "-".
func state(fs FS, path string) string {
	b, err := ReadFile(fs, path)
	if err != nil {
		return "-"
	}
	return string(b)
}

func TestCrash(t *testing.T) {
	create := os.O_RDWR | os.O_CREATE
	cases := []struct {
		name               string
		act                func(t *testing.T, m *Mem)
		crash, kill, after string // of /d/f
	}{
		{"nothing synced", func(t *testing.T, m *Mem) {
			mustWrite(t, mustOpen(t, m, "/d/f", create), "abc", 0)
		}, "-", "abc", "abc"},
		{"content synced, name not", func(t *testing.T, m *Mem) {
			f := mustOpen(t, m, "/d/f", create)
			mustWrite(t, f, "abc", 0)
			do(t, f.Sync())
		}, "-", "abc", "abc"},
		{"name synced, content not", func(t *testing.T, m *Mem) {
			mustWrite(t, mustOpen(t, m, "/d/f", create), "abc", 0)
			do(t, m.SyncDir("/d"))
		}, "", "abc", "abc"},
		{"synced, then more", func(t *testing.T, m *Mem) {
			f := mustOpen(t, m, "/d/f", create)
			mustWrite(t, f, "abc", 0)
			do(t, f.Sync(), m.SyncDir("/d"))
			mustWrite(t, f, "xyz", 2)
			do(t, f.Truncate(4))
		}, "abc", "abxy", "abxy"},
		{"truncated and synced", func(t *testing.T, m *Mem) {
			f := mustOpen(t, m, "/d/f", create)
			mustWrite(t, f, "abc", 0)
			do(t, f.Truncate(1), f.Truncate(3), f.Sync(), m.SyncDir("/d"))
		}, "a\x00\x00", "a\x00\x00", "a\x00\x00"},
		{"replaced", func(t *testing.T, m *Mem) {
			do(t, WriteFileAtomic(m, "/d/f", []byte("old")), WriteFileAtomic(m, "/d/f", []byte("new")))
		}, "new", "new", "new"},
		{"replacement cut short", func(t *testing.T, m *Mem) {
			do(t, WriteFileAtomic(m, "/d/f", []byte("old")), WriteFileSync(m, "/d/g", []byte("new")), m.Rename("/d/g", "/d/f"))
		}, "old", "new", "new"},
		{"removal not synced", func(t *testing.T, m *Mem) {
			do(t, WriteFileAtomic(m, "/d/f", []byte("old")), m.Remove("/d/f"))
		}, "old", "-", "-"},
		{"removal synced", func(t *testing.T, m *Mem) {
			do(t, WriteFileAtomic(m, "/d/f", []byte("old")), m.Remove("/d/f"), m.SyncDir("/d"))
		}, "-", "-", "-"},
		{"directory renamed", func(t *testing.T, m *Mem) {
			do(t, WriteFileAtomic(m, "/d/f", []byte("old")), m.Rename("/d", "/e"), m.SyncDir("/"), m.Rename("/e", "/d"))
		}, "-", "old", "old"},
	}
	for _, c := range cases {
		m := NewMem()
		do(t, m.MkdirAll("/d"), m.SyncDir("/"))
		c.act(t, m)
		if got := state(m, "/d/f"); got != c.after {
			t.Errorf("%s: now %q, want %q", c.name, got, c.after)
		}
		if got := state(m.Crash(), "/d/f"); got != c.crash {
			t.Errorf("%s: after a crash %q, want %q", c.name, got, c.crash)
		}
		if got := state(m.Kill(), "/d/f"); got != c.kill {
			t.Errorf("%s: after a kill %q, want %q", c.name, got, c.kill)
		}
		if got := state(m.Kill().Crash(), "/d/f"); got != c.crash {
			t.Errorf("%s: after a kill and a crash %q, want %q", c.name, got, c.crash)
		}
		if got := state(m.CrashTorn(func() bool { return true }), "/d/f"); got != c.after {
			t.Errorf("%s: after a crash that kept all %q, want %q", c.name, got, c.after)
		}
	}
}

func TestTornWrite(t *testing.T) {
	m := NewMem()
	f := mustOpen(t, m, "/f", os.O_RDWR|os.O_CREATE)
	do(t, m.SyncDir("/"))
	mustWrite(t, f, string(slices.Repeat([]byte("x"), 1100)), 100) // blocks 0, 1 and 2
	n := 0
	b, err := ReadFile(m.CrashTorn(func() bool { n++; return n == 2 }), "/f")
	do(t, err)
	if n != 3 || len(b) != 1024 || slices.Contains(b[:512], 'x') || slices.Contains(b[512:], 0) {
		t.Errorf("%d decisions, %d bytes left", n, len(b))
	}
}

func TestCapacityAndFaults(t *testing.T) {
	m := NewMem()
	f := mustOpen(t, m, "/f", os.O_RDWR|os.O_CREATE)
	m.SetCapacity(5)
	mustWrite(t, f, "abc", 0)
	if n, err := f.WriteAt([]byte("defg"), 3); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d bytes: %v; want 2 and no space left", n, err)
	}
	mustWrite(t, f, "ABCDE", 0) // overwriting takes no space
	do(t, m.Remove("/f"))
	mustWrite(t, mustOpen(t, m, "/g", os.O_RDWR|os.O_CREATE), "12345", 0)
	m.SetFault(func(op Op) error {
		if op.Kind == "sync" && op.Path == "/g" {
			return syscall.EIO
		}
		return nil
	})
	g := mustOpen(t, m, "/g", os.O_RDWR)
	if err := g.Sync(); !errors.Is(err, syscall.EIO) || err.Error() != "sync /g: input/output error" {
		t.Errorf("got %v", err)
	}
	do(t, m.SyncDir("/"))
	if got := state(m.Crash(), "/g"); got != "" {
		t.Errorf("a failed sync kept %q", got)
	}
}

// Both file systems agree on what logs rely on.
func TestConformance(t *testing.T) {
	for name, fs := range map[string]FS{"mem": NewMem(), "os": OS} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/a/b"
			do(t, fs.MkdirAll(dir), fs.MkdirAll(dir))
			if _, err := fs.Open(dir+"/f", os.O_RDWR); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("open of nothing: %v", err)
			}
			if _, err := fs.Stat(dir + "/f"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("stat of nothing: %v", err)
			}
			f := mustOpen(t, fs, dir+"/f", os.O_RDWR|os.O_CREATE|os.O_EXCL)
			if _, err := fs.Open(dir+"/f", os.O_RDWR|os.O_CREATE|os.O_EXCL); !errors.Is(err, os.ErrExist) {
				t.Errorf("exclusive create of something: %v", err)
			}
			mustWrite(t, f, "hello", 3)
			do(t, f.Sync(), fs.SyncDir(dir))
			b := make([]byte, 10)
			if n, err := f.ReadAt(b, 1); n != 7 || err != io.EOF || string(b[:7]) != "\x00\x00hello" {
				t.Errorf("read %d bytes %q: %v", n, b[:n], err)
			}
			if n, err := f.ReadAt(b, 99); n != 0 || err != io.EOF {
				t.Errorf("read beyond the end: %d bytes, %v", n, err)
			}
			do(t, WriteFileAtomic(fs, dir+"/g", []byte("g")))
			if names, err := fs.ReadDir(dir); err != nil || !slices.Equal(names, []string{"f", "g"}) {
				t.Errorf("names %v, %v", names, err)
			}
			do(t, fs.Rename(dir+"/g", dir+"/f"))
			if got := state(fs, dir+"/f"); got != "g" {
				t.Errorf("after the rename %q", got)
			}
			if size, err := f.Size(); size != 8 || err != nil { // an open file outlives its name
				t.Errorf("size %d, %v", size, err)
			}
			if err := fs.Remove(dir + "/g"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("remove of nothing: %v", err)
			}
			do(t, f.Close(), fs.RemoveAll(dir), fs.RemoveAll(dir))
		})
	}
}
