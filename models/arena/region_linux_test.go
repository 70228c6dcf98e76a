package arena

import (
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestKernelOptionsAreRecorded(t *testing.T) {
	a, err := New(Options{Bytes: 8 << 20, Pages: TransparentPages, Bind: true})
	if err != nil {
		t.Fatal(err)
	}
	for fact, start := range map[string]string{"hugepages": "transparent, ", "numa": "node 0, "} {
		v, ok := strings.CutPrefix(a.Facts()[fact], start)
		if !ok || v != "granted" && !strings.HasPrefix(v, "refused: ") {
			t.Errorf("fact %s = %q, want %sgranted or the refusal", fact, a.Facts()[fact], start)
		}
	}
	if at := uintptr(unsafe.Pointer(unsafe.SliceData(a.Region()))); at%(2<<20) != 0 {
		t.Errorf("region at %#x, want it on a huge page's boundary", at)
	}
	touch(a.Region())
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// What was asked for by name and is refused says what to change, and leaves
// nothing mapped.
func TestRefusedOptionsAreErrors(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &old); err != nil {
		t.Fatal(err)
	}
	const limit = 1 << 16
	if old.Max < limit {
		t.Skipf("this machine lets the process lock at most %d bytes (hard RLIMIT_MEMLOCK), the test needs %d", old.Max, limit)
	}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: limit, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &old) }()
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"lock":       {Options{Bytes: 8 << 20, Lock: true}, "RLIMIT_MEMLOCK (ulimit -l) is 65536 bytes"},
		"huge pages": {Options{Bytes: 1 << 40, Pages: HugePages}, "vm.nr_hugepages by 524288"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := New(c.o)
			if err == nil {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
				if c.o.Lock {
					t.Skip("the process has CAP_IPC_LOCK, as root has: it may lock beyond its limit")
				}
				t.Fatalf("%+v was granted", c.o)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
