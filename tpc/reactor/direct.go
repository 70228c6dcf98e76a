package reactor

import (
	"fmt"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/wire"
)

// Filler is a [StreamHandler] that knows where bytes belong before they are
// received, so that the kernel can put them there and nobody copies them.
type Filler interface {
	// Want is the place for the bytes received next, and the buffer it lies in;
	// nil when they may lie anywhere. The stream keeps a reference of its own
	// while the kernel may write there.
	Want() (*iobuf.Buf, []byte)
	// OnFill says that the first n bytes of the place that Want named have been
	// received. It comes in OnData's stead, under OnData's rules.
	OnFill(n int)
}

const (
	// directBytes is the smallest rest of a frame that is worth a receive of its
	// own: ending the multishot receive and starting it again is three operations
	// and up to two system calls, as much as copying some 32 KiB.
	directBytes = 64 << 10
	// directMost bounds one direct receive, so that a peer that sends slowly is
	// seen to be alive long before connections.max.idle.ms.
	directMost = 1 << 20
)

// Want is what a [Filler] that assembles its frames with f answers.
func (f *Framer) Want() (*iobuf.Buf, []byte) {
	if f.want-f.have < directBytes { // want is 0 until the size is known
		return nil, nil
	}
	return f.partial, f.partial.B[f.have:min(f.want, f.have+directMost)]
}

// Filled takes in n bytes that were received where Want said; Next then gives
// the frame if it is complete, even from a Received without data.
func (f *Framer) Filled(n int) {
	if f.partial == nil || n < 1 || n > f.want-f.have {
		panic(fmt.Sprintf("reactor: %d bytes filled in, %d of %d are missing", n, f.want-f.have, f.want-wire.SizeLen))
	}
	f.have += n
}

// Redirect makes the stream ask its Filler again where bytes belong. What is
// received until then still comes by OnData.
func (s *Stream) Redirect() {
	if !s.closing && !s.paused {
		if b, _ := s.want(); b != nil {
			s.r.be.redirect(s)
		}
	}
}

// want asks the handler, unless it has not been given yet what was received
// before.
func (s *Stream) want() (*iobuf.Buf, []byte) {
	if s.filler == nil || len(s.held) > 0 || s.heldFill > 0 {
		return nil, nil
	}
	return s.filler.Want()
}

// filled delivers n bytes received directly, 0 when there were none.
func (s *Stream) filled(n int) {
	switch {
	case n == 0 || s.closing:
	case s.paused:
		s.heldFill = n
	default:
		s.deliverFill(n)
	}
}

func (s *Stream) deliverFill(n int) {
	c := &s.r.c
	c.Recvs++
	c.RecvBytes += int64(n)
	c.RecvDirect += int64(n)
	s.filler.OnFill(n)
}
