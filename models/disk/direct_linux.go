package disk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OpenDirect opens path for reading and writing with O_DIRECT, creating it when
// it is missing, and asks the kernel for the alignment (4096 when it does not
// say). A file system that cannot do direct I/O is no error: the file is then
// an ordinary one and Refused says why, so that a broker can go on buffered and
// record it.
func OpenDirect(path string) (*Direct, error) {
	f, err := OS.Open(path, os.O_RDWR|os.O_CREATE|unix.O_DIRECT)
	if err != nil {
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
			return buffered(path, fmt.Sprintf("%s: the file system refuses O_DIRECT: %v", path, err))
		}
		return nil, err
	}
	d := &Direct{File: f, MemAlign: Align, OffsetAlign: Align}
	var st unix.Statx_t
	err = unix.Statx(f.FD(), "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &st)
	if err != nil || st.Mask&unix.STATX_DIOALIGN == 0 {
		return d, nil // an older kernel: the open succeeded, 4096 is the safe guess
	}
	if st.Dio_mem_align == 0 || st.Dio_offset_align == 0 {
		f.Close()
		return buffered(path, path+": the kernel reports no direct I/O for this file")
	}
	d.MemAlign, d.OffsetAlign = int(st.Dio_mem_align), int(st.Dio_offset_align)
	if d.OffsetAlign > Align || d.MemAlign > Align {
		f.Close()
		return buffered(path, fmt.Sprintf("%s: direct I/O needs %d-byte memory and %d-byte offset alignment, more than %d",
			path, d.MemAlign, d.OffsetAlign, Align))
	}
	return d, nil
}

func buffered(path, reason string) (*Direct, error) {
	f, err := OS.Open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	return &Direct{File: f, MemAlign: 1, OffsetAlign: 1, Refused: reason}, nil
}

// zeros is page-aligned, so it serves direct files as well; mapped read-only
// and shared by every caller.
const zerosBytes = 1 << 20

// Prewrite fills [from, to) of f with zeros and leaves what is outside alone.
// Both bounds are multiples of [Align]. Blocks that were written once are
// overwritten without a journal commit or a kernel worker, which is worth half
// the latency of a direct append; see ARCHITECTURE.md.
func Prewrite(f File, from, to int64) error {
	if from%Align != 0 || to%Align != 0 {
		panic(fmt.Sprintf("disk: prewrite bounds: got [%d, %d), want multiples of %d", from, to, Align))
	}
	if from >= to {
		return nil
	}
	zeros, err := unix.Mmap(-1, 0, int(min(to-from, zerosBytes)), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("disk: memory for zero-filling: %w", err)
	}
	defer unix.Munmap(zeros)
	for from < to {
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}
