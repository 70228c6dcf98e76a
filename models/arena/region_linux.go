package arena

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

const mpolPreferred = 1 // set_mempolicy(2): prefer the node, fall back to others

// mapRegion maps n bytes (rounded up to whole huge pages if those are asked
// for) and says in facts what the kernel granted beyond plain memory.
func mapRegion(n int, o *Options, facts map[string]string) (whole, region []byte, err error) {
	align, flags := PageBytes, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS
	mapped := n
	switch o.Pages {
	case TransparentPages:
		align = hugeBytes
		mapped += hugeBytes - PageBytes
	case HugePages:
		flags |= unix.MAP_HUGETLB | 21<<unix.MAP_HUGE_SHIFT
		mapped = (n + hugeBytes - 1) &^ (hugeBytes - 1)
	}
	whole, err = unix.Mmap(-1, 0, mapped, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil && o.Pages == HugePages {
		return nil, nil, fmt.Errorf("arena: map %d bytes in huge pages of 2 MiB: %w; "+
			"raise vm.nr_hugepages by %d, or ask for transparent ones", n, err, mapped/hugeBytes)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("arena: map %d bytes: %w", n, err)
	}
	// unsafe: only the address tells where the first huge page starts.
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(whole))) & uintptr(align-1)
	region = whole[skip : int(skip)+n : int(skip)+n]
	switch o.Pages {
	case SmallPages:
		facts["hugepages"] = "not asked for"
	case TransparentPages:
		facts["hugepages"] = "transparent, " + granted(unix.Madvise(region, unix.MADV_HUGEPAGE))
	case HugePages:
		facts["hugepages"] = "2 MiB, granted"
	}
	if o.Bind {
		facts["numa"] = fmt.Sprintf("node %d, %s", o.Node, granted(mbind(region, o.Node)))
	}
	if o.Lock {
		if err := unix.Mlock(region); err != nil {
			return nil, nil, errors.Join(lockError(n, err), unmapRegion(whole))
		}
		facts["mlock"] = "granted"
	}
	return whole, region, nil
}

// lockError says which limit keeps a region from being locked.
func lockError(n int, err error) error {
	var lim unix.Rlimit
	limit := "unknown"
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &lim) == nil {
		limit = fmt.Sprintf("%d bytes", lim.Cur)
	}
	return fmt.Errorf("arena: lock %d bytes: %w; RLIMIT_MEMLOCK (ulimit -l) is %s and has to cover every shard's memory", n, err, limit)
}

func granted(err error) string {
	if err != nil {
		return "refused: " + err.Error()
	}
	return "granted"
}

// mbind asks for the pages of b on one NUMA node. x/sys has no wrapper.
func mbind(b []byte, node int) error {
	var mask [16]uint64
	if node < 0 || node >= len(mask)*64 {
		return fmt.Errorf("no NUMA node %d", node)
	}
	mask[node/64] = 1 << (node % 64)
	// unsafe: mbind takes the address of the range and of the node mask.
	_, _, errno := unix.Syscall6(unix.SYS_MBIND, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		mpolPreferred, uintptr(unsafe.Pointer(&mask[0])), uintptr(len(mask)*64), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// touch makes every page of b present, from the calling thread, so that the
// first touch decides the NUMA node and no request pays for a page fault.
func touch(b []byte) {
	if unix.Madvise(b, unix.MADV_POPULATE_WRITE) == nil {
		return // Linux 5.14 and later
	}
	for i := 0; i < len(b); i += PageBytes {
		b[i] = 0
	}
}

func unmapRegion(whole []byte) error {
	if err := unix.Munmap(whole); err != nil {
		return fmt.Errorf("arena: unmap %d bytes: %w", len(whole), err)
	}
	return nil
}

// threadToken identifies the calling thread for ownership checks.
func threadToken() int { return unix.Gettid() }
