package telemetry

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// maxThreadName is what the kernel keeps of a thread's name, bytes.
const maxThreadName = 15

// NameThread names the calling thread in /proc, so that its share of a process's
// cost can be told. Its goroutine is locked to it. A thread that cannot be named
// works as well.
func NameThread(name string) {
	name = name[:min(len(name), maxThreadName)]
	_ = os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", unix.Gettid()), []byte(name), 0)
}
