package reactor

import (
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/uring"
)

func (u *uringBackend) adopt(fd int) error { return setNonblock(fd) }

func (u *uringBackend) release(fd int) {
	u.r.c.Syscalls++
	closeFD(fd)
}

func (u *uringBackend) attach(s *Stream) error {
	u.armRecv(s)
	return nil
}

// armRecv starts to receive: directly where the handler wants the bytes, else
// into whatever buffers there are. After a direct receive a single one of them:
// who sends one large frame sends another, and a single receive need not be
// cancelled for that.
func (u *uringBackend) armRecv(s *Stream) {
	s.sys.recv = true
	e := u.sqe()
	b, place := s.want()
	switch {
	case b != nil:
		b.Retain()
		s.sys.fill, s.sys.large = b, true
		e.Recv(s.fd, place, unix.MSG_WAITALL)
	case s.sys.large:
		s.sys.large = false
		e.RecvSelect(s.fd, recvGroup)
	default:
		e.RecvMultishot(s.fd, recvGroup)
	}
	e.UserData = kindRecv | uint64(s.slot)
}

func (u *uringBackend) cancelRecv(s *Stream) {
	if s.sys.recv && !s.sys.cancel {
		s.sys.cancel = true
		u.sqe().Cancel(kindRecv | uint64(s.slot))
	}
}

// pause leaves a direct receive alone: it is bounded, its memory is spent, and
// kernels differ in what they say about one that was cancelled half done.
func (u *uringBackend) pause(s *Stream) { u.redirect(s) }

// redirect ends the receive into any buffer; armRecv asks when it has ended.
func (u *uringBackend) redirect(s *Stream) {
	if s.sys.fill == nil {
		u.cancelRecv(s)
	}
}

// resume starts receiving again; a receive that is still being cancelled is
// started again when it has ended.
func (u *uringBackend) resume(s *Stream) {
	if !s.sys.recv && !s.sys.starved {
		u.armRecv(s)
	}
}

func (u *uringBackend) received(s *Stream, c *uring.CQE) {
	more := c.Flags&uring.CQEMore != 0
	if !more {
		s.sys.recv, s.sys.cancel = false, false
	}
	if b := s.sys.fill; b != nil {
		s.sys.fill = nil
		b.Release(u.r.o.Arena)
		s.filled(int(max(c.Res, 0)))
	}
	if c.Flags&uring.CQEBuffer != 0 {
		id := c.BufferID()
		b := u.bufs[id]
		if c.Res > 0 {
			u.bufs[id] = nil
			u.vacant = append(u.vacant, id)
			s.received(b, int(c.Res))
		} else {
			u.bufRing.Add(b.B[:u.r.o.RecvBufBytes], id)
			u.bufRing.Publish()
		}
	}
	if more {
		return
	}
	switch errno := unix.Errno(max(-c.Res, 0)); {
	case c.Res == 0:
		s.ended(nil)
	case errno == unix.ENOBUFS:
		if b, _ := s.want(); b == nil { // a direct receive needs none
			u.starve(s)
		}
	case errno != 0 && errno != unix.ECANCELED && errno != unix.EINTR && errno != unix.EAGAIN:
		s.ended(errno)
	}
	switch {
	case s.closing:
		u.landed(s)
	case !s.sys.recv && !s.sys.starved && !s.paused && !s.heldEnd:
		u.armRecv(s)
	}
}

// landed has a closing stream buried when the kernel has let go of it.
func (u *uringBackend) landed(s *Stream) {
	if !u.flying(s) {
		u.r.unsettled(s)
	}
}

func (u *uringBackend) flying(s *Stream) bool {
	return s.sys.recv || s.sys.send || s.sys.starved
}

func (u *uringBackend) starve(s *Stream) {
	u.r.c.RecvStarved++
	s.sys.starved = true
	u.starved = append(u.starved, s)
}

// refill puts buffers in the vacant places, as far as the arena has any.
func (u *uringBackend) refill() {
	added := false
	for n := len(u.vacant); n > 0; n-- {
		b := u.r.allocRecv()
		if b == nil {
			break
		}
		id := u.vacant[n-1]
		u.vacant = u.vacant[:n-1]
		u.bufs[id] = b
		u.bufRing.Add(b.B[:u.r.o.RecvBufBytes], id)
		added = true
	}
	if added {
		u.bufRing.Publish()
	}
}

// feed starts as many starved streams as there are buffers, oldest first.
func (u *uringBackend) feed() {
	stock := len(u.bufs) - len(u.vacant)
	kept := u.starved[:0]
	for _, s := range u.starved {
		switch {
		case s.closing:
			s.sys.starved = false
			u.landed(s)
		case s.paused:
			s.sys.starved = false // resume starts it
		case stock > 0:
			stock--
			s.sys.starved = false
			u.armRecv(s)
		default:
			kept = append(kept, s)
		}
	}
	clear(u.starved[len(kept):])
	u.starved = kept
}

func (u *uringBackend) send(s *Stream) {
	iov := s.gatherPieces()
	s.sys.send = true
	e := u.sqe()
	// The kernel itself goes on after a short send, without a trip up here.
	const flags = unix.MSG_NOSIGNAL | unix.MSG_WAITALL
	if len(iov) == 1 { // no header and vector to copy in
		e.Send(s.fd, s.out.Pieces[s.piece].B[s.off:s.out.Pieces[s.piece].Len], flags)
	} else {
		e.Sendmsg(s.fd, s.header(iov), flags)
	}
	e.UserData = kindSend | uint64(s.slot)
}

func (u *uringBackend) sent(s *Stream, c *uring.CQE) {
	s.sys.send = false
	errno := unix.Errno(max(-c.Res, 0))
	switch {
	case c.Res >= 0 && s.advance(int(c.Res)):
		if s.closing {
			s.gone = true // said when the stream is buried
		} else {
			s.sent()
		}
	case s.closing:
	case errno != 0 && errno != unix.EINTR && errno != unix.EAGAIN:
		s.finish(errno)
	default:
		u.r.c.SendPartial++
		u.send(s)
	}
	if s.closing {
		u.landed(s)
	}
}

// shut cancels what is in flight. The socket is shut down as well, so that an
// operation that the cancellation misses ends by itself.
func (u *uringBackend) shut(s *Stream) {
	u.cancelRecv(s)
	if s.sys.send {
		u.sqe().Cancel(kindSend | uint64(s.slot))
	}
	if !u.flying(s) {
		u.r.unsettled(s)
		return
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR) // fails when the peer has reset the connection, which ends everything too
}

func (u *uringBackend) disk(op *DiskOp) {
	op.sys.tries = 0
	u.transfer(op)
}

func (u *uringBackend) transfer(op *DiskOp) {
	e := u.sqe()
	e.UserData = kindDisk | uint64(op.slot)
	switch {
	case op.Kind == DataSync:
		e.DataSync(op.FD)
	case op.total == 0:
		e.Nop()
	case op.B != nil && op.Kind == Read:
		e.Read(op.FD, op.B[op.Res:], op.Off+op.Res, op.rwFlags())
	case op.B != nil:
		e.Write(op.FD, op.B[op.Res:], op.Off+op.Res, op.rwFlags())
	case op.Kind == Read:
		e.Readv(op.FD, op.rest(), op.Off+op.Res, op.rwFlags())
	default:
		e.Writev(op.FD, op.rest(), op.Off+op.Res, op.rwFlags())
	}
}

func (u *uringBackend) transferred(op *DiskOp, c *uring.CQE) {
	more, err := op.progress(int64(c.Res))
	if more {
		u.transfer(op)
		return
	}
	u.r.diskFinished(op, err)
}

// leastDirectAlign is the finest alignment, in bytes, that direct I/O has
// anywhere: a device's logical block.
const leastDirectAlign = 512

// progress takes the kernel's result, bytes or -errno, and tells whether to ask
// again for the rest.
func (op *DiskOp) progress(res int64) (more bool, err error) {
	errno := unix.Errno(max(-res, 0))
	switch {
	case errno == unix.EINTR || errno == unix.EAGAIN:
		op.sys.tries++
		if op.sys.tries > maxDiskTries {
			return false, errno
		}
		return true, nil
	case errno == unix.EINVAL && op.Kind == Read && op.Res%leastDirectAlign != 0:
		return false, nil // a direct read came to the end of a file within a block and cannot go on from there
	case errno != 0:
		return false, errno
	case op.Kind == DataSync:
		return false, nil
	}
	op.Res += res
	switch {
	case op.Res >= op.total:
		return false, nil
	case res > 0:
		return true, nil
	case op.Kind == Read:
		return false, nil // end of file
	default:
		return false, unix.EIO // a write that makes no progress and names no reason
	}
}
