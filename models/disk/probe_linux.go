package disk

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// probed is what the file systems of this process do, by device: it does not
// change while they are mounted.
var probed sync.Map

// Probe tries what the file system of a directory really does and returns it by
// name, for the record of a result:
//
//	disk.direct      "yes", or why O_DIRECT is refused
//	disk.align       what direct I/O asks of memory and of offsets, bytes, and whether that is accepted
//	disk.fallocate   "yes", or the error
//	disk.dsync       "yes" when a write can ask for durability (RWF_DSYNC), or the error
//
// It writes a few blocks to a file that has no name by then, so nothing is left
// behind. A file system is tried once in a process.
func Probe(dir string) (map[string]string, error) {
	return ProbeOnce("disk", dir, probe)
}

// ProbeOnce is what try finds out about the file system of a directory, which is
// asked once in a process for each name and file system.
func ProbeOnce(name, dir string, try func(dir string) (map[string]string, error)) (map[string]string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return nil, fmt.Errorf("probing %s: %w", dir, err)
	}
	once, _ := probed.LoadOrStore(fmt.Sprint(name, st.Dev), sync.OnceValues(func() (map[string]string, error) { return try(dir) }))
	return once.(func() (map[string]string, error))()
}

// Scratch is a file for direct I/O in dir that has no name any more, and memory
// aligned to pages to write from, zeroed.
func Scratch(dir string, bytes int) (d *Direct, mem []byte, free func(), err error) {
	path := filepath.Join(dir, fmt.Sprintf(".probe-%d", unix.Gettid()))
	if d, err = OpenDirect(path); err != nil {
		return nil, nil, nil, err
	}
	if err = unix.Unlink(path); err == nil {
		mem, err = unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	}
	if err != nil {
		d.Close()
		return nil, nil, nil, fmt.Errorf("probing %s: %w", path, err)
	}
	return d, mem, func() { _ = unix.Munmap(mem); _ = d.Close() }, nil
}

func probe(dir string) (map[string]string, error) {
	d, mem, free, err := Scratch(dir, 4*Align)
	if err != nil {
		return nil, err
	}
	defer free()
	facts := map[string]string{"disk.direct": "yes"}
	if d.Refused != "" {
		_, why, _ := strings.Cut(d.Refused, ": ")
		facts["disk.direct"] = why
	} else {
		// As little aligned as is said to be allowed, and no better than that.
		_, err := unix.Pwrite(d.FD(), mem[d.MemAlign:d.MemAlign+d.OffsetAlign], int64(d.OffsetAlign))
		facts["disk.align"] = fmt.Sprintf("memory %d, offsets %d: %s", d.MemAlign, d.OffsetAlign, verdict(err))
	}
	facts["disk.fallocate"] = verdict(unix.Fallocate(d.FD(), 0, 0, 4*Align))
	_, err = unix.Pwritev2(d.FD(), [][]byte{mem[:Align]}, 0, unix.RWF_DSYNC)
	facts["disk.dsync"] = verdict(err)
	return facts, nil
}

func verdict(err error) string {
	if err != nil {
		return err.Error()
	}
	return "yes"
}
