package reactor

import (
	"fmt"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
)

// Received is a receive buffer that has not been cut into frames to its end.
// Whoever holds it holds one reference to Buf.
type Received struct {
	Buf  *iobuf.Buf
	Data []byte // what is left of it
	Ns   int64  // when it was readable
}

// Framer cuts a byte stream into frames that follow their size. A frame that
// lies whole in a receive buffer is handed out where it lies; one that spans
// buffers is assembled in a buffer of its own, which costs one copy, except for
// what is received there directly (Want).
type Framer struct {
	Alloc    func(n int) *iobuf.Buf // memory for assembled frames, nil when there is none
	MaxBytes int                    // largest frame
	Copies   *telemetry.Copies      // of its thread; nil: not counted

	partial *iobuf.Buf
	have    int   // bytes in partial, size included
	want    int   // all of them, 0 while the size is incomplete
	firstNs int64 // when the first of them was readable
}

// Next takes the next frame off in. The caller gets one reference to buf, which
// frame lies in. A nil frame without an error means that in is used up. On
// error the stream cannot be read any further, unless Alloc has failed: then Next
// may be called again with the same in.
func (f *Framer) Next(in *Received) (frame []byte, buf *iobuf.Buf, ns int64, err error) {
	if f.partial != nil {
		return f.assemble(in)
	}
	if len(in.Data) == 0 {
		return nil, nil, 0, nil
	}
	if len(in.Data) < wire.SizeLen {
		return nil, nil, 0, f.begin(in, 0)
	}
	size, err := wire.FrameSize(in.Data, f.MaxBytes)
	if err != nil {
		return nil, nil, 0, err
	}
	if len(in.Data) < wire.SizeLen+size {
		return nil, nil, 0, f.begin(in, wire.SizeLen+size)
	}
	frame = in.Data[wire.SizeLen : wire.SizeLen+size]
	in.Data = in.Data[wire.SizeLen+size:]
	in.Buf.Retain()
	return frame, in.Buf, in.Ns, nil
}

// Whole reports whether Next would give a frame off in, or an error. Whoever has no
// time for a frame now may still take in a part of one, which leaves the rest of a
// large one to be received in place.
func (f *Framer) Whole(in *Received) bool {
	switch {
	case f.partial == nil && len(in.Data) < wire.SizeLen:
		return false
	case f.partial == nil:
		size, err := wire.FrameSize(in.Data, f.MaxBytes)
		return err != nil || len(in.Data) >= wire.SizeLen+size
	case f.want == 0:
		return f.have+len(in.Data) >= wire.SizeLen // its size may be all of it
	default:
		return f.have+len(in.Data) >= f.want
	}
}

// begin starts to assemble a frame whose rest has not arrived.
func (f *Framer) begin(in *Received, want int) error {
	if f.partial = f.Alloc(max(want, 512)); f.partial == nil {
		return fmt.Errorf("reactor: no memory for a frame of %d bytes", want)
	}
	f.want, f.firstNs = want, in.Ns
	f.have = copy(f.partial.B, in.Data)
	f.Copies.Add(telemetry.CopyReceive, f.have)
	in.Data = in.Data[:0]
	return nil
}

// assemble adds to the frame that is being put together.
func (f *Framer) assemble(in *Received) (frame []byte, buf *iobuf.Buf, ns int64, err error) {
	if f.want == 0 {
		f.take(in, wire.SizeLen)
		if f.have < wire.SizeLen {
			return nil, nil, 0, nil
		}
		size, err := wire.FrameSize(f.partial.B, f.MaxBytes)
		if err != nil {
			return nil, nil, 0, err
		}
		want := wire.SizeLen + size
		if want > len(f.partial.B) {
			larger := f.Alloc(want)
			if larger == nil { // the caller may come again when there is memory
				return nil, nil, 0, fmt.Errorf("reactor: no memory for a frame of %d bytes", want)
			}
			f.Copies.Add(telemetry.CopyReceive, copy(larger.B, f.partial.B[:f.have]))
			f.partial.Release(f.partial.Owner)
			f.partial = larger
		}
		f.want = want
	}
	f.take(in, f.want)
	if f.have < f.want {
		return nil, nil, 0, nil
	}
	buf, frame = f.partial, f.partial.B[wire.SizeLen:f.want]
	f.partial, f.have, f.want = nil, 0, 0
	return frame, buf, f.firstNs, nil
}

func (f *Framer) take(in *Received, upTo int) {
	n := copy(f.partial.B[f.have:upTo], in.Data)
	f.Copies.Add(telemetry.CopyReceive, n)
	f.have += n
	in.Data = in.Data[n:]
}

// Drop gives up the frame that is being assembled.
func (f *Framer) Drop() {
	if f.partial != nil {
		f.partial.Release(f.partial.Owner)
		f.partial, f.have, f.want = nil, 0, 0
	}
}
