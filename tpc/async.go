package tpc

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/uring"
)

// ProbeAsync tries which writes io_uring really carries out without a thread:
// where a file system cannot go on without blocking, the kernel hands the write to
// a worker of its own, which costs two wake-ups and shows in the list of this
// process's threads.
//
//	disk.async.overwrite  direct, over blocks that were written before
//	disk.async.reserved   direct, over blocks that were reserved and never written
//	disk.async.extending  direct, behind the end of the file
//	disk.async.buffered   through the page cache, over what it holds
//
// Each is "yes", "kernel worker" or an error.
func ProbeAsync(dir string) (map[string]string, error) {
	return disk.ProbeOnce("async", dir, probeAsync)
}

func probeAsync(dir string) (map[string]string, error) {
	const block = 4 * disk.Align
	d, mem, free, err := disk.Scratch(dir, block)
	if err != nil {
		return nil, err
	}
	defer free()
	if _, err := d.WriteAt(mem, 0); err != nil {
		return nil, err
	}
	facts := map[string]string{}
	try := func(name string, fd int, off int64) {
		// A worker stays for a while and serves the thread that it was made for, so
		// each write comes from a thread of its own, which ends with the goroutine.
		done := make(chan string)
		go func() {
			runtime.LockOSThread()
			done <- writeOnce(fd, mem, off)
		}()
		facts["disk.async."+name] = <-done
	}
	if d.Refused == "" {
		try("overwrite", d.FD(), 0)
		if err := d.Reserve(block, block); err == nil {
			try("reserved", d.FD(), block)
		}
		try("extending", d.FD(), 2*block)
	}
	path := filepath.Join(dir, fmt.Sprintf(".probe-cached-%d", os.Getpid()))
	f, err := disk.OS.Open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return facts, err
	}
	defer f.Close()
	if err := os.Remove(path); err != nil {
		return facts, err
	}
	if _, err := f.WriteAt(mem, 0); err != nil {
		return facts, err
	}
	try("buffered", f.FD(), 0)
	return facts, nil
}

// writeOnce writes b through a ring of the calling thread's.
func writeOnce(fd int, b []byte, off int64) string {
	ring, err := uring.New(4, 8)
	if err != nil {
		return "no io_uring: " + err.Error()
	}
	defer ring.Close()
	before := kernelWorkers()
	ring.Get().Write(fd, b, off, 0)
	if err := ring.Submit(); err != nil {
		return err.Error()
	}
	for ring.Ready() == 0 {
		if err := ring.Wait(probePatienceNs); err != nil {
			return err.Error()
		}
	}
	res := ring.Peek().Res
	switch {
	case res < 0:
		return unix.Errno(-res).Error()
	case int(res) != len(b):
		return fmt.Sprintf("%d of %d bytes written", res, len(b))
	}
	for tid := range kernelWorkers() {
		if !before[tid] {
			return "kernel worker"
		}
	}
	return "yes"
}

// probePatienceNs is how long a wait for a write takes at a time.
const probePatienceNs = 1e9

// kernelWorkers are the threads that the kernel has added to this process for
// its rings.
func kernelWorkers() map[string]bool {
	workers := map[string]bool{}
	tasks, _ := filepath.Glob("/proc/self/task/*/comm")
	for _, path := range tasks {
		if name, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(name), "iou-wrk") {
			workers[path] = true
		}
	}
	return workers
}
