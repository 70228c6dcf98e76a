package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// SizeLen is the length of the size that precedes every frame, in bytes.
const SizeLen = 4

// minFrame is key, version, correlation id and the length of a client id.
const minFrame = 10

// ErrUnknownKey is returned, wrapped, for a request key that does not exist.
// Kafka closes the connection.
var ErrUnknownKey = errors.New("unknown request key")

// FrameSize reads the size that precedes a frame: how many bytes follow it.
// prefix needs [SizeLen] bytes. A size that no request can have, or beyond
// maxBytes, is an error; the connection cannot be used any further.
func FrameSize(prefix []byte, maxBytes int) (int, error) {
	n := int(int32(binary.BigEndian.Uint32(prefix)))
	if n < minFrame {
		return 0, fmt.Errorf("wire: a request frame of %d bytes: the header alone takes %d", n, minFrame)
	}
	if n > maxBytes {
		return 0, fmt.Errorf("wire: a request frame of %d bytes is above socket.request.max.bytes=%d", n, maxBytes)
	}
	return n, nil
}

// Header is a request's header. ClientID aliases the frame and is nil when the
// client gave none.
type Header struct {
	Key, Version  int16
	CorrelationID int32
	ClientID      []byte
	Flexible      bool // the version has tagged fields
	Body          int  // where the body starts in the frame
}

// ParseHeader reads the header of a frame, without its size. h's ClientID
// aliases frame.
func ParseHeader(frame []byte, h *Header) error {
	r := reader{b: frame}
	h.Key, h.Version, h.CorrelationID = r.int16(), r.int16(), r.int32()
	if r.bad != "" {
		return r.fail("request header")
	}
	first, ok := flexibleFrom(h.Key)
	if !ok {
		return fmt.Errorf("wire: request header: %w %d", ErrUnknownKey, h.Key)
	}
	if h.Version < 0 {
		return fmt.Errorf("wire: request header: version %d of key %d is negative", h.Version, h.Key)
	}
	h.Flexible = h.Version >= first
	h.ClientID = r.nullableString(false) // never compact, so that any header can be read
	if h.Flexible {
		r.skipTags()
	}
	h.Body = r.off
	return r.fail("request header")
}

// beginResponse appends room for the size, the correlation id and the header's
// tagged fields, and returns where the frame starts in dst.
func beginResponse(dst []byte, corr int32, tagged bool) ([]byte, int) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(corr))
	if tagged {
		dst = append(dst, 0)
	}
	return dst, start
}

// endResponse writes the size of the response that began at start and has more
// bytes outside of dst.
func endResponse(dst []byte, start, more int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-SizeLen+more))
	return dst
}
