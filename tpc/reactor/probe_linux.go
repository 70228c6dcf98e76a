package reactor

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

var space = []byte{' '}

// threadProbe reads what the kernel knows of one thread of this process. The
// files stay open: a reading is one system call each.
type threadProbe struct {
	tid                     int32
	clock                   int32
	schedstat, status, call int
	buf                     [512]byte
}

// open makes the probe look at thread tid.
func (p *threadProbe) open(tid int32) bool {
	if p.tid == tid {
		return true
	}
	p.close()
	path := func(name string) int {
		fd, err := unix.Open(fmt.Sprintf("/proc/self/task/%d/%s", tid, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1 // kernels differ in what they tell; without it that part stays 0
		}
		return fd
	}
	p.tid = tid
	p.schedstat, p.status, p.call = path("schedstat"), path("stat"), path("syscall")
	// The kernel's number for the CPU clock of a thread: the complement of its id,
	// then the bits for "one thread" (4) and "scheduler's time" (2).
	p.clock = ^tid<<3 | 4 | 2
	return true
}

func (p *threadProbe) close() {
	if p.tid == 0 {
		return
	}
	for _, fd := range []int{p.schedstat, p.status, p.call} {
		if fd >= 0 {
			closeFD(fd)
		}
	}
	p.tid = 0
}

// read fills in what s has from the kernel; false when the thread is gone.
func (p *threadProbe) read(s *sample) bool {
	var ts unix.Timespec
	if unix.ClockGettime(p.clock, &ts) != nil {
		return false
	}
	s.cpuNs = ts.Nano()
	_, t, _ := bytes.Cut(p.text(p.schedstat), space) // CPU time, then time on the run queue
	for _, c := range t {
		if c < '0' || c > '9' {
			break
		}
		s.queuedNs = s.queuedNs*10 + int64(c-'0')
	}
	// stat is: id (name) state …; the name may hold anything but ends at the last ')'.
	t = p.text(p.status)
	if t = t[bytes.LastIndexByte(t, ')')+1:]; len(t) > 2 {
		s.waiting = t[1] == 'S' || t[1] == 'D'
	}
	return true
}

// rawCall names the system call that the thread waits in, "" when it runs or
// waits in a futex, which is how Go itself parks a thread.
func (p *threadProbe) rawCall() string {
	f := bytes.Fields(p.text(p.call))
	if len(f) < 2 || string(f[0]) == "running" {
		return ""
	}
	n, err := strconv.Atoi(string(f[0]))
	if err != nil || n < 0 || n == unix.SYS_FUTEX {
		return ""
	}
	return fmt.Sprintf("system call %d, first argument %s", n, f[1])
}

func (p *threadProbe) text(fd int) []byte {
	if fd < 0 {
		return nil
	}
	n, err := unix.Pread(fd, p.buf[:], 0)
	if err != nil {
		return nil
	}
	return p.buf[:n]
}

// threadID is the kernel's number of the calling thread.
func threadID() int32 { return int32(unix.Gettid()) }
