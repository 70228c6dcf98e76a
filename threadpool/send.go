package threadpool

import (
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// progress is how far an attempt to send came.
type progress uint8

const (
	full   progress = iota // the socket takes no more now
	done                   // the kernel has the last byte
	broken                 // the socket failed, or a file was shorter than it said
	handed                 // the ring has it; the rest when that has completed
	going                  // some of it was sent
)

// send writes what is left of the response. File ranges go from the page cache
// to the socket by sendfile: a range that is not in memory stalls this thread
// and every connection on it, as in Kafka. With disk=direct there is no page
// cache: a range that is not in the log's tail is read from the device here,
// with the same effect, and sent from memory.
func (r *request) send(fd int) progress {
	for {
		p := r.piece()
		if p == nil {
			return done
		}
		n, err := 0, error(nil)
		if p.FD >= 0 && directOf(p) == nil {
			off := p.Off
			r.proc.calls.Inc()
			n, err = unix.Sendfile(fd, p.FD, &off, p.Len)
			if err == nil && n == 0 {
				return broken
			}
		} else {
			b, more := r.bytes(p)
			if b == nil {
				return broken
			}
			// What was read to the processor's own memory does not wait there.
			if ring := r.proc.selector.ring; ring != nil && (p.FD < 0 || r.read != nil) {
				ring.send(fd, r.conn.slot, b, more)
				return handed
			}
			var errno unix.Errno
			r.proc.calls.Inc()
			if n, errno = kernel.Send(fd, b, more); errno != 0 {
				err = errno
			}
		}
		if o := r.came(p, n, err); o != going {
			return o
		}
	}
}

// wrote goes on where a send of the ring has completed.
func (r *request) wrote(n int, errno unix.Errno) progress {
	var err error
	if errno != 0 {
		err = errno
	}
	if o := r.came(r.piece(), n, err); o != going || r.piece() != nil {
		return o
	}
	return done
}

// came notes what sending a part of the piece came to.
func (r *request) came(p *iobuf.Piece, n int, err error) progress {
	switch err {
	case nil:
		p.Off += int64(n)
		p.Len -= n
		if len(r.ahead) > 0 {
			r.ahead = r.ahead[n:]
		}
	case unix.EAGAIN:
		r.blocked()
		return full
	case unix.EINTR:
	default:
		return broken
	}
	return going
}

// piece is the one to go on with, nil when all is sent.
func (r *request) piece() *iobuf.Piece {
	for ; r.sent < len(r.out.Pieces); r.sent++ {
		p := &r.out.Pieces[r.sent]
		if p.Len > 0 {
			return p
		}
		p.Release(r.proc.mem)
	}
	return nil
}

// directOf is the file that a piece has to be read from, nil when it is in
// memory or in the page cache.
func directOf(p *iobuf.Piece) *directFile {
	if f, ok := p.Hold.(*segmentFile); ok {
		return f.directOf()
	}
	return nil
}

// bytes is what comes next of a piece that is sent from memory, and whether more
// of the response follows; nil when it could not be read.
func (r *request) bytes(p *iobuf.Piece) (b []byte, more bool) {
	last := r.sent+1 == len(r.out.Pieces)
	if p.FD < 0 {
		return p.B[len(p.B)-p.Len:], !last
	}
	if len(r.ahead) == 0 && !r.readAhead(directOf(p), p) {
		return nil, false
	}
	return r.ahead, !last || len(r.ahead) < p.Len
}

// readBytes is how much of a range is read at a time.
const readBytes = 128 << 10

// readAhead reads the next bytes of the range.
func (r *request) readAhead(f *directFile, p *iobuf.Piece) bool {
	if r.read == nil {
		r.read = r.proc.mem.spare(readBytes)
	}
	mem := r.proc.scratch
	switch {
	case r.read != nil:
		mem = kernel.PagesOf(r.read.B)
	case mem == nil:
		mem = kernel.Aligned(readBytes)
		r.proc.scratch = mem
	}
	seat := r.proc.selector.seat
	seat.rest()
	b, err := f.read(mem, p.Off, p.Len)
	seat.rise()
	r.ahead = b
	return err == nil
}

// blocked notes that the socket is full. What was read to the processor's own
// memory is read again: others need it meanwhile.
func (r *request) blocked() {
	if r.read == nil {
		r.ahead = nil
	}
}

// dropAhead lets go of the memory for reading.
func (r *request) dropAhead() {
	if r.read != nil {
		r.read.Release(r.proc.mem)
	}
	r.read, r.ahead = nil, nil
}
