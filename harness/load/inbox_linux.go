package load

import (
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/threadpool/kernel"
)

// inbox collects a socket's bytes into response frames. Frames alias it until
// the next fill.
type inbox struct {
	buf  []byte
	r, w int
}

// maxRead bounds one read, so that a large response does not hold up requests
// that fall due meanwhile.
const maxRead = 256 << 10

func newInbox(size int) inbox { return inbox{buf: make([]byte, size)} }

// fill reads once. It returns the bytes read, 0 when the socket has none.
func (in *inbox) fill(fd int) (int, error) {
	if in.r == in.w {
		in.r, in.w = 0, 0
	}
	need := 4
	if in.w-in.r >= 4 {
		need = in.frameLen()
		if need < 8 || need > maxResponseBytes {
			return 0, fmt.Errorf("%w of %d bytes", errMalformed, need)
		}
	}
	if in.r+need > len(in.buf) || in.w == len(in.buf) {
		to := in.buf
		if need > len(to) {
			to = make([]byte, need+need/2)
		}
		in.w = copy(to, in.buf[in.r:in.w])
		in.r, in.buf = 0, to
	}
	n, err := kernel.Recv(fd, in.buf[in.w:min(len(in.buf), in.w+maxRead)])
	switch {
	case err == unix.EAGAIN, err == unix.EINTR:
		return 0, nil
	case err != 0:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	in.w += n
	return n, nil
}

// frameLen is the length of the first frame with its size field, of which 4
// bytes are there.
func (in *inbox) frameLen() int { return 4 + int(int32(binary.BigEndian.Uint32(in.buf[in.r:]))) }

// next takes a whole frame: its correlation id and what follows.
func (in *inbox) next() (correlation int32, body []byte, ok bool) {
	if in.w-in.r < 8 {
		return 0, nil, false
	}
	n := in.frameLen()
	if n < 8 || n > in.w-in.r {
		return 0, nil, false
	}
	frame := in.buf[in.r : in.r+n]
	in.r += n
	return int32(binary.BigEndian.Uint32(frame[4:])), frame[8:], true
}
