package disk

import (
	"errors"
	"fmt"
	"io"
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

// Reserve allocates the blocks of [off, off+n) and, if need be, makes the file
// that long, so that writes there change neither its size nor its extents' places.
// A file system that cannot is no error: the writes then allocate.
func (d *Direct) Reserve(off, n int64) error {
	for {
		calls.Inc(uintptr(d.FD()))
		err := unix.Fallocate(d.FD(), 0, off, n)
		switch err {
		case unix.EINTR:
		case nil, unix.EOPNOTSUPP:
			return nil
		default:
			return fmt.Errorf("reserving %d bytes at %d: %w", n, off, err)
		}
	}
}

// ReadAt is as of any file, in one go: whoever goes on behind a block that the
// file ends in would ask for something that is not aligned.
func (d *Direct) ReadAt(b []byte, off int64) (int, error) {
	for {
		calls.Inc(uintptr(d.FD()))
		n, err := unix.Pread(d.FD(), b, off)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("reading %d bytes at %d: %w", len(b), off, err)
		case n < len(b):
			return n, io.EOF
		default:
			return n, nil
		}
	}
}

// WriteDSync writes b at off and returns when it survives a loss of power, as
// the data of one write and of no other (RWF_DSYNC).
func (d *Direct) WriteDSync(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		calls.Inc(uintptr(d.FD()))
		k, err := unix.Pwritev2(d.FD(), [][]byte{b[n:]}, off+int64(n), unix.RWF_DSYNC)
		switch {
		case err == nil && k > 0:
			n += k
		case err == nil:
			return n, fmt.Errorf("durable write of %d bytes at %d: none written", len(b)-n, off+int64(n))
		case !errors.Is(err, unix.EINTR):
			return n, fmt.Errorf("durable write of %d bytes at %d: %w", len(b)-n, off+int64(n), err)
		}
	}
	return n, nil
}

func buffered(path, reason string) (*Direct, error) {
	f, err := OS.Open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	return &Direct{File: f, MemAlign: 1, OffsetAlign: 1, Refused: reason}, nil
}

func syncAll(f *os.File) error {
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: f.Name(), Err: err}
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
