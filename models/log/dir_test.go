package log

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ceteris/ceteris/models/disk"
)

func TestOpenDirErrors(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(t *testing.T, fs *disk.Mem)
		o     DirOptions
		want  string
	}{
		{"another cluster", nil, DirOptions{ClusterID: "other", NodeID: 1}, `/data/logs/meta.properties: the directory belongs to cluster "ceteris", this broker to "other"`},
		{"another node", nil, DirOptions{ClusterID: "ceteris", NodeID: 2}, "/data/logs/meta.properties: the directory belongs to node 1, this broker is node 2"},
		{"another version", func(t *testing.T, fs *disk.Mem) {
			rewriteFile(t, fs, testDir+"/meta.properties", func([]byte) []byte { return []byte("version=7\n") })
		}, testOptions, `/data/logs/meta.properties: version "7", want 1`},
		{"in use", func(t *testing.T, fs *disk.Mem) {
			if _, err := fs.LockDir(testDir); err != nil {
				t.Fatal(err)
			}
		}, testOptions, "log directory /data/logs is in use by this process"},
		{"checkpoint cut short", func(t *testing.T, fs *disk.Mem) {
			rewriteFile(t, fs, testDir+"/recovery-point-offset-checkpoint", func([]byte) []byte { return []byte("0\n2\ntopic 0 1\n") })
		}, testOptions, `/data/logs/recovery-point-offset-checkpoint: line 2: count "2", but 1 entries follow`},
		{"not writable", func(_ *testing.T, fs *disk.Mem) {
			fs.SetFault(func(op disk.Op) error {
				if op.Kind == "remove" {
					return syscall.EROFS
				}
				return nil
			})
		}, testOptions, "log directory /data/logs is not writable: remove /data/logs/.kafka_cleanshutdown: read-only file system"},
	}
	for _, c := range cases {
		mem := disk.NewMem()
		s := start(t, mem, DefaultConfig())
		s.stop()
		if c.spoil != nil {
			c.spoil(t, mem)
		}
		if _, err := OpenDir(mem, testDir, c.o); err == nil || err.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", c.name, err, c.want)
		}
		if c.name != "in use" { // a failed open gives the lock back
			mem.SetFault(nil)
			if release, err := mem.LockDir(testDir); err != nil {
				t.Errorf("%s: %v", c.name, err)
			} else {
				release()
			}
		}
	}
}

func TestOpenLogErrors(t *testing.T) {
	mem := disk.NewMem()
	s := start(t, mem, DefaultConfig())
	s.put(records(1, 1, 1))
	if _, err := s.dir.OpenLog("topic", 0, testID, DefaultConfig()); err == nil || !strings.Contains(err.Error(), "opened twice") {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.dir.Close(true); err == nil || !strings.Contains(err.Error(), "topic-0 is still open") {
		t.Errorf("closed with an open log: %v", err)
	}
	mem = mem.Kill()
	dir, err := OpenDir(mem, testDir, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if dir.Clean() {
		t.Error("a killed directory calls itself clean")
	}
	_, err = dir.OpenLog("topic", 0, [16]byte{9}, DefaultConfig())
	if want := "belongs to topic id AQIDAAAAAAAAAAAAAAAAAA, wanted is CQAAAAAAAAAAAAAAAAAAAA"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	name := testDir + "/topic-0/partition.metadata"
	if err := mem.Remove(name); err != nil {
		t.Fatal(err)
	}
	_, err = dir.OpenLog("topic", 0, testID, DefaultConfig())
	if err == nil || !strings.Contains(err.Error(), name+" is missing beside") {
		t.Errorf("missing metadata: %v", err)
	}
}

// What cannot be read is not gone: whoever takes it for gone drops what belongs to it.
func TestUnreadableIsNotGone(t *testing.T) {
	for _, kind := range []string{"read", "open", "readdir"} {
		mem := disk.NewMem()
		s := start(t, mem, DefaultConfig())
		mem.SetFault(func(op disk.Op) error {
			if op.Kind == kind && (kind == "readdir" || strings.HasSuffix(op.Path, metadataFile)) {
				return syscall.EIO
			}
			return nil
		})
		if got, err := s.dir.Partitions(); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s fails: partitions %v and %v, want an input/output error", kind, got, err)
		}
	}
}

func TestDeleteLogs(t *testing.T) {
	mem := disk.NewMem()
	s := start(t, mem, DefaultConfig())
	s.put(records(1, 1, 1))
	// A deletion cut short after its rename is finished at the next start.
	mem.SetFault(func(op disk.Op) error {
		if op.Kind == "remove" {
			return syscall.EIO
		}
		return nil
	})
	if err := s.dir.DeleteLogs([]TP{{"topic", 0}}); !errors.Is(err, syscall.EIO) {
		t.Fatalf("got %v, want an input/output error", err)
	}
	if got, err := s.dir.Partitions(); len(got) != 0 || err != nil {
		t.Errorf("partitions %v after the deletion", got)
	}
	mem = mem.Crash()
	s = start(t, mem, DefaultConfig())
	if s.l.EndOffset() != 0 {
		t.Errorf("the log of that name begins at %d", s.l.EndOffset())
	}
	names, _ := mem.ReadDir(testDir)
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, "-delete") }); i >= 0 {
		t.Errorf("%s is still there", names[i])
	}
	if err := s.dir.DeleteLogs([]TP{{"nothing", 3}}); err != nil {
		t.Errorf("deleting nothing: %v", err)
	}
}

func TestParallelOpen(t *testing.T) {
	dir, err := OpenDir(disk.NewMem(), testDir, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range int32(16) {
		wg.Go(func() {
			l, err := dir.OpenLog("topic", i, testID, DefaultConfig())
			if err == nil {
				err = l.Close(dir.FS())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := dir.Close(true); err != nil {
		t.Fatal(err)
	}
	if refs, err := dir.Partitions(); len(refs) != 16 || err != nil {
		t.Errorf("%d partitions, want 16: %v", len(refs), err)
	}
}

// The same on the real file system, where the lock names its holder.
func TestRealDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "logs")
	dir, err := OpenDir(disk.OS, path, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenDir(disk.OS, path, testOptions)
	if err == nil || !strings.Contains(err.Error(), "is in use by process ") {
		t.Errorf("second open: %v", err)
	}
	l, err := dir.OpenLog("topic", 0, testID, smallConfig())
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, fs: disk.OS, dir: dir, l: l, written: map[int64][]byte{}, nowMs: 5000}
	if l.ActiveSegment().File, err = disk.OS.Open(l.ActiveSegment().Path(l.Path()), os.O_RDWR); err != nil {
		t.Fatal(err)
	}
	for i := range int64(50) {
		s.put(records(1, 100, i))
	}
	s.check()
	for _, seg := range l.Segments() {
		seg.File.Close()
	}
	s.stop()
	verifyClosed(t, disk.OS, l.Path())
	if dir, err = OpenDir(disk.OS, path, testOptions); err != nil || !dir.Clean() {
		t.Fatalf("clean %v, %v", dir.Clean(), err)
	}
	if err := dir.Close(false); err != nil {
		t.Fatal(err)
	}
}

// A full disk fails the append and nothing else; recovery finds the end.
func TestDiskFull(t *testing.T) {
	mem := disk.NewMem()
	s := start(t, mem, DefaultConfig())
	s.put(records(1, 100, 1))
	mem.SetCapacity(0)
	b := records(1, 100, 1)
	h := mustCheck(t, b)
	var a Append
	if v, code := s.l.Prepare(b, &h, &s.v, s.nowMs, 0, &a); v != Write || code != 0 {
		t.Fatalf("%v, code %d", v, code)
	}
	if err := s.write(&a, b); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want no space left", err)
	}
	if s.check() != 1 || s.l.EndOffset() != 1 {
		t.Fatalf("the log ends at %d after a failed write", s.l.EndOffset())
	}
	mem.SetCapacity(300)
	s.write(&a, b) // torn
	w := s.written
	s = start(t, mem.Kill(), DefaultConfig())
	s.written = w
	if s.check(); s.l.EndOffset() < 1 {
		t.Fatalf("the log ends at %d", s.l.EndOffset())
	}
}
