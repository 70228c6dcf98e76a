package threadpool

import (
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/threadpool/kernel"
)

// progress is how far an attempt to send came.
type progress uint8

const (
	full   progress = iota // the socket takes no more now
	done                   // the kernel has the last byte
	broken                 // the socket failed, or a file was shorter than it said
)

// send writes what is left of the response. File ranges go from the page cache
// to the socket by sendfile: a range that is not in memory stalls this thread
// and every connection on it, as in Kafka.
func (r *request) send(fd int) progress {
	for r.sent < len(r.out.Pieces) {
		p := &r.out.Pieces[r.sent]
		if p.Len == 0 {
			p.Release(nil)
			r.sent++
			continue
		}
		n, err := 0, error(nil)
		if p.FD >= 0 {
			off := p.Off
			n, err = unix.Sendfile(fd, p.FD, &off, p.Len)
			if err == nil && n == 0 {
				return broken
			}
		} else {
			var errno unix.Errno
			n, errno = kernel.Send(fd, p.B[len(p.B)-p.Len:], r.sent+1 < len(r.out.Pieces))
			if errno != 0 {
				err = errno
			}
		}
		switch err {
		case nil:
		case unix.EAGAIN:
			return full
		case unix.EINTR:
			continue
		default:
			return broken
		}
		p.Off += int64(n)
		p.Len -= n
	}
	return done
}
