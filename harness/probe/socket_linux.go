package probe

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// blocking has calls wait in the kernel, for a bounded time.
func (s socket) blocking() error {
	fd, limit := int(s.f.Fd()), unix.NsecToTimeval(int64(answerLimit))
	return errors.Join(unix.SetNonblock(fd, false), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
}

func (s socket) write(b []byte) error {
	for fd := int(s.f.Fd()); len(b) > 0; {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("sending: %w", err)
		}
		b = b[n:]
	}
	return nil
}

func (s socket) read(b []byte) error {
	for fd := int(s.f.Fd()); len(b) > 0; {
		n, err := unix.Read(fd, b)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return fmt.Errorf("no answer within %v", answerLimit)
		case err != nil:
			return fmt.Errorf("receiving: %w", err)
		case n == 0:
			return fmt.Errorf("receiving: %w", io.ErrUnexpectedEOF)
		}
		b = b[n:]
	}
	return nil
}
