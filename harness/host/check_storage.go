package host

import (
	"fmt"
	"slices"
	"strings"
)

func (m Machine) checkFilesystem(e *Env) Check {
	found := orUnknown(e.Data.Filesystem) + " on " + orUnknown(e.Data.Device) + " (" + e.Data.Options + ")"
	kind, _, _ := strings.Cut(e.Data.Filesystem, ".") // fuse.sshfs
	switch {
	case slices.Contains([]string{"ext4", "xfs"}, e.Data.Filesystem):
		return passed("filesystem", found)
	case slices.Contains([]string{"tmpfs", "ramfs", "nfs", "nfs4", "cifs", "9p", "fuse", "virtiofs", "overlay", "fuseblk"}, kind):
		return notPassed(Fail, "filesystem", found, "durability means nothing here, or is somebody else's", "put the data on ext4 or xfs on a local disk: --data, --results")
	}
	return notPassed(Warn, "filesystem", found, "both models were measured on ext4 and xfs only", "put the data on ext4 or xfs: --data, --results")
}

// schedulerPath is where the disk below the data has its I/O scheduler; "" unknown.
func (m Machine) schedulerPath(s *Storage) string {
	queue := m.queueOf(s)
	if queue == "" {
		return ""
	}
	return strings.TrimPrefix(queue, m.Root) + "/scheduler"
}

func (m Machine) checkScheduler(e *Env) Check {
	now := chosen(e.Data.Scheduler)
	switch now {
	case "none", "noop":
		return passed("scheduler", now)
	case "":
		return notPassed(Warn, "scheduler", "", "what the kernel does with I/O on its way is unknown", "keep the data on a disk of this machine")
	}
	path := m.schedulerPath(&e.Data)
	c := notPassed(Warn, "scheduler", now, "the kernel holds I/O back to order it, which costs latency on devices that do it themselves", "echo none | sudo tee "+path)
	if path != "" && strings.Contains(e.Data.Scheduler, "none") {
		c.writes = []write{{path, "none"}}
	}
	return c
}

func (m Machine) checkWriteCache(e *Env) Check {
	switch e.Data.WriteCache {
	case "":
		return notPassed(Warn, "write cache", "", "whether a write is on the medium when it is over is unknown: durability power rests on it", "keep the data on a disk of this machine")
	case "write through":
		return passed("write cache", "write through: a write that is over is on the medium, or the device says so")
	}
	return passed("write cache", e.Data.WriteCache+": durability power pays for a flush")
}

// leastFree is what experiments may write before retention, and some spare.
const leastFree = 4 << 30

func (m Machine) checkSpace(e *Env) Check {
	found := fmt.Sprintf("%.1f GiB free of %.1f", float64(e.Data.FreeBytes)/(1<<30), float64(e.Data.TotalBytes)/(1<<30))
	switch {
	case e.Data.TotalBytes == 0:
		return notPassed(Warn, "space", "", "a disk that fills up ends a cell", "df "+e.Data.Path)
	case e.Data.FreeBytes < leastFree/8:
		return notPassed(Fail, "space", found, "a disk that fills up ends a cell", "free some, or use --results on another disk")
	case e.Data.FreeBytes < leastFree || float64(e.Data.FreeBytes) < 0.1*float64(e.Data.TotalBytes):
		return notPassed(Warn, "space", found, "file systems and devices get slow when they are nearly full", "free some, or use --results on another disk")
	}
	return passed("space", found)
}

func checkDirect(f *Facts) Check {
	switch direct := f.Storage["disk.direct"]; direct {
	case "yes":
		return passed("direct I/O", "accepted")
	case "":
		return notPassed(Warn, "direct I/O", "not tried", "disk=direct is tpc's preset", "ceteris doctor --data DIR on Linux")
	default:
		return notPassed(Fail, "direct I/O", direct, "disk=direct, which is tpc's preset, writes through the page cache instead", "put the data on ext4 or xfs: --data, --results")
	}
}

func checkAlignment(f *Facts) Check {
	if a := f.Storage["disk.align"]; a != "" {
		return passed("alignment", a)
	}
	return notPassed(Warn, "alignment", "not tried", "what direct I/O asks of memory and offsets is unknown", "ceteris doctor --data DIR on Linux")
}

func checkUring(e *Env, f *Facts) Check {
	const name = "io_uring"
	switch {
	case f.UringOK:
		return passed(name, f.Uring)
	case e.IOUring != "" && e.IOUring != "0":
		return notPassed(Warn, name, "forbidden (kernel.io_uring_disabled="+e.IOUring+")", "tpc falls back to epoll and writes from other threads", "sudo sysctl kernel.io_uring_disabled=0")
	}
	return notPassed(Warn, name, f.Uring, "tpc falls back to epoll and writes from other threads", "use Linux 6.0 or newer, outside of a container that forbids it")
}

// checkAsync is about which writes leave the thread that asks for them.
func checkAsync(f *Facts) Check {
	const name = "async writes"
	var said []string
	for _, kind := range []string{"overwrite", "reserved", "extending", "buffered"} {
		if v := f.Storage["disk.async."+kind]; v != "" {
			said = append(said, kind+": "+v)
		}
	}
	found := strings.Join(said, "; ")
	switch v := f.Storage["disk.async.overwrite"]; {
	case v == "":
		return notPassed(Warn, name, "not tried", "whether a write leaves the thread alone is unknown", "ceteris doctor --data DIR on Linux")
	case v != "yes":
		return notPassed(Warn, name, found, "an overwriting direct write goes to a kernel worker: two wake-ups more for each append of tpc", "put the data on ext4 or xfs: --data, --results")
	}
	return passed(name, found)
}

// The limits that the largest experiments need.
const (
	leastMemlock = 64 << 20
	leastFiles   = 32768
)

func checkMemlock(f *Facts) Check {
	n := f.Limits.MemlockBytes
	switch {
	case n < 0:
		return passed("memlock", "unlimited")
	case n >= leastMemlock:
		return passed("memlock", fmt.Sprintf("%d MiB", n>>20))
	}
	found := fmt.Sprintf("%d KiB", n>>10)
	if n == 0 {
		found = "" // nothing, or not told
	}
	return notPassed(Warn, "memlock", found, "older kernels count rings and registered buffers against it", "ulimit -l unlimited, or LimitMEMLOCK= of the service")
}

func checkFiles(f *Facts) Check {
	n := f.Limits.Files
	switch {
	case n < 0:
		return passed("files", "unlimited")
	case n >= leastFiles:
		return passed("files", fmt.Sprintf("%d may be open", n))
	}
	found := fmt.Sprintf("%d may be open", n)
	if n == 0 {
		found = ""
	}
	return notPassed(Warn, "files", found, "10,000 partitions and 10,000 connections need more", fmt.Sprintf("ulimit -Hn %d, or LimitNOFILE= of the service", leastFiles))
}
