package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Claim takes CPUs to measure on, for as long as this process lives or until release,
// and waits while another process has one of them: two that measure at once measure
// each other. waiting is called with the CPU and its holder (0: unknown) before that.
// Whoever shares no abstract socket names with this process is not seen, and where
// there are none nobody is.
func Claim(ctx context.Context, cpus []int, waiting func(cpu, pid int)) (release func(), err error) {
	var held []net.Listener
	release = func() {
		for _, l := range held {
			l.Close()
		}
	}
	// In order, so that no two wait for each other.
	for _, cpu := range slices.Sorted(slices.Values(cpus)) {
		name := fmt.Sprintf("@ceteris-measures-on-cpu-%d", cpu)
		for told := false; ; {
			l, err := net.Listen("unix", name)
			if err == nil {
				held = append(held, l)
			}
			if !errors.Is(err, unix.EADDRINUSE) {
				break
			}
			if !told {
				waiting(cpu, holder(name))
				told = true
			}
			select {
			case <-ctx.Done():
				release()
				return nil, ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return release, nil
}

// holder is the process that listens on a socket; 0 when the kernel does not tell.
func holder(name string) (pid int) {
	c, err := net.Dial("unix", name)
	if err != nil {
		return 0
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { // the socket is open
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}
