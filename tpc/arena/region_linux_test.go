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
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: 1 << 16, Max: old.Max}); err != nil {
		t.Skip(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_MEMLOCK, &old) }()
	for want, o := range map[string]Options{
		"RLIMIT_MEMLOCK (ulimit -l) is 65536 bytes": {Bytes: 8 << 20, Lock: true},
		"vm.nr_hugepages by 524288":                 {Bytes: 1 << 40, Pages: HugePages},
	} {
		a, err := New(o)
		if err == nil { // CAP_IPC_LOCK knows no limit
			t.Logf("%+v was granted here", o)
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}
