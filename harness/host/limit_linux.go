package host

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// limitPiece is what is written and sent at a time, bytes.
const limitPiece = 1 << 20

// DiskLimit measures how fast this machine writes to a file below dir: direct
// writes of 1 MiB, one behind the other, over a file that is written already, by
// threads on cpus. It tries several depths for the given time each and returns
// the best, bytes per second, and its depth. The file is removed.
func DiskLimit(dir string, cpus []int, each time.Duration) (perSec float64, depth int, err error) {
	path := filepath.Join(dir, "limit.probe")
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC|unix.O_DIRECT, 0o644)
	if err != nil {
		return 0, 0, fmt.Errorf("disk limit: %w", err)
	}
	defer f.Close()
	// Mapped, so aligned as direct writes want it.
	piece, err := unix.Mmap(-1, 0, limitPiece, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return 0, 0, fmt.Errorf("disk limit: %w", err)
	}
	defer func() { _ = unix.Munmap(piece) }()
	for i := range piece {
		piece[i] = byte(i * 7) // not zeros, which some devices do not store
	}
	const pieces = 256
	for i := range int64(pieces) {
		if _, err := f.WriteAt(piece, i*limitPiece); err != nil {
			return 0, 0, fmt.Errorf("disk limit: writing the file: %w", err)
		}
	}
	if err := f.Sync(); err != nil {
		return 0, 0, fmt.Errorf("disk limit: %w", err)
	}
	for _, d := range []int{1, 2, 4, 8} {
		got, err := writeFor(f, piece, pieces, d, cpus, each)
		if err != nil {
			return 0, 0, fmt.Errorf("disk limit: depth %d: %w", d, err)
		}
		if got > perSec {
			perSec, depth = got, d
		}
	}
	return perSec, depth, nil
}

// writeFor keeps depth writes under way for a time.
func writeFor(f *os.File, piece []byte, pieces int64, depth int, cpus []int, span time.Duration) (perSec float64, err error) {
	var next, written atomic.Int64
	begin := time.Now()
	errs := make([]error, depth)
	var wg sync.WaitGroup
	for i := range depth {
		wg.Go(func() {
			errs[i] = onCPUs(cpus, func() error {
				for time.Since(begin) < span {
					if _, err := unix.Pwrite(int(f.Fd()), piece, next.Add(1)%pieces*limitPiece); err != nil {
						return err
					}
					written.Add(limitPiece)
				}
				return nil
			})
		})
	}
	wg.Wait()
	return float64(written.Load()) / time.Since(begin).Seconds(), errors.Join(errs...)
}

// LoopbackLimit measures how fast one TCP connection over loopback carries bytes
// from a thread on the CPUs of from to one on those of to, bytes per second.
func LoopbackLimit(from, to []int, span time.Duration) (perSec float64, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("loopback limit: %w", err)
	}
	defer l.Close()
	sender, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return 0, fmt.Errorf("loopback limit: %w", err)
	}
	receiver, err := l.Accept()
	if err != nil {
		return 0, errors.Join(fmt.Errorf("loopback limit: %w", err), sender.Close())
	}
	defer receiver.Close()
	var wg sync.WaitGroup
	var got int64
	var took time.Duration
	var errs [2]error
	wg.Go(func() {
		errs[0] = blocking(receiver, to, func(fd int) error {
			buf := make([]byte, limitPiece)
			begin := time.Now()
			for {
				n, err := unix.Read(fd, buf)
				if n == 0 || err != nil && err != unix.EINTR {
					took = time.Since(begin)
					return err
				}
				got += int64(max(n, 0))
			}
		})
	})
	wg.Go(func() {
		defer sender.Close()
		errs[1] = blocking(sender, from, func(fd int) error {
			buf := make([]byte, limitPiece)
			for begin := time.Now(); time.Since(begin) < span; {
				if _, err := unix.Write(fd, buf); err != nil && err != unix.EINTR {
					return err
				}
			}
			return nil
		})
	})
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return 0, fmt.Errorf("loopback limit: %w", err)
	}
	return float64(got) / took.Seconds(), nil
}

// blocking runs do on a thread of its own on cpus with the connection's socket,
// which blocks there: Go's own polling would be part of what is measured.
func blocking(c net.Conn, cpus []int, do func(fd int) error) error {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	return errors.Join(raw.Control(func(fd uintptr) {
		if inner = unix.SetNonblock(int(fd), false); inner == nil {
			inner = onCPUs(cpus, func() error { return do(int(fd)) })
		}
	}), inner)
}

// onCPUs runs do on a thread that may run on cpus only (none: anywhere) and dies
// with it, because its binding is no other goroutine's.
func onCPUs(cpus []int, do func() error) error {
	if len(cpus) == 0 {
		return do()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := SetAffinity(cpus); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}
