package reactor

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/ceteris/ceteris/models/iobuf"
)

// TestFramerComesAgain has the memory for a frame fail, whose size came in one
// byte at a time or at once, and be there when the framer is asked again.
func TestFramerComesAgain(t *testing.T) {
	body := bytes.Repeat([]byte("frame"), 400)
	stream := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	for cut := 1; cut <= 5; cut++ {
		var heap iobuf.Heap
		dry := false
		f := Framer{MaxBytes: 1 << 20, Alloc: func(n int) *iobuf.Buf {
			if dry {
				return nil
			}
			return heap.Alloc(n)
		}}
		in := Received{Buf: heap.Alloc(1), Data: stream[:cut]}
		refused := 0
		for {
			dry = refused == 0 && (cut > 4 || cut < 4 && f.partial != nil && f.have == cut && len(in.Data) > 4)
			frame, buf, _, err := f.Next(&in)
			switch {
			case err != nil && dry:
				refused++
				continue
			case err != nil:
				t.Fatalf("cut at %d: %v", cut, err)
			case frame == nil && len(in.Data) == 0 && f.have < len(stream):
				in.Data = stream[f.have:]
				continue
			}
			if !bytes.Equal(frame, body) {
				t.Errorf("cut at %d: got %d bytes, want %d", cut, len(frame), len(body))
			}
			if refused != 1 && cut != 4 {
				t.Errorf("cut at %d: memory was refused %d times", cut, refused)
			}
			buf.Release(&heap)
			break
		}
	}
}
