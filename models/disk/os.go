package disk

import (
	"os"

	"github.com/ceteris/ceteris/models/telemetry"
)

const (
	rdonly  = os.O_RDONLY
	rewrite = os.O_RDWR | os.O_CREATE | os.O_TRUNC
)

// OS is the real file system.
var OS FS = osFS{}

type osFS struct{}

// calls counts what this process has asked of the real file system, by the
// descriptor: one for each operation on a file's content, size or descriptor.
// Operations on names and directories, which no request makes, are not in it.
var calls telemetry.StripedCounter

// Calls is how many such system calls this process has made. Any thread.
func Calls() uint64 { return calls.Load() }

func (osFS) Open(path string, flag int) (File, error) {
	calls.Inc(0)
	f, err := os.OpenFile(path, flag, 0o644)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f, fd: int(f.Fd())}, nil
}

func (osFS) Rename(from, to string) error     { return os.Rename(from, to) }
func (osFS) Remove(path string) error         { return os.Remove(path) }
func (osFS) RemoveAll(path string) error      { return os.RemoveAll(path) }
func (osFS) MkdirAll(path string) error       { return os.MkdirAll(path, 0o755) }
func (osFS) LockDir(p string) (func(), error) { return LockDir(p) }

func (osFS) ReadDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (osFS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

func (osFS) SyncAll(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = syncAll(d)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

func (osFS) Stat(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// osFile is an os.File whose descriptor was asked for once: Fd is not free and
// switches the file to blocking mode, which regular files are in anyway.
type osFile struct {
	*os.File
	fd int
}

func (f *osFile) FD() int { return f.fd }

// counted counts a call on the file's descriptor.
func (f *osFile) counted() *os.File {
	calls.Inc(uintptr(f.fd))
	return f.File
}

func (f *osFile) ReadAt(b []byte, off int64) (int, error)  { return f.counted().ReadAt(b, off) }
func (f *osFile) WriteAt(b []byte, off int64) (int, error) { return f.counted().WriteAt(b, off) }
func (f *osFile) Sync() error                              { return syncData(f.counted()) }
func (f *osFile) Truncate(size int64) error                { return f.counted().Truncate(size) }
func (f *osFile) Close() error                             { return f.counted().Close() }

func (f *osFile) Size() (int64, error) {
	calls.Inc(uintptr(f.fd))
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
