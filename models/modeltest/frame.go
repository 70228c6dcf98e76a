package modeltest

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// keyAPIVersions is the key whose responses never have a flexible header.
const keyAPIVersions = 18

// Frame is a request as it goes over the wire, size first.
func Frame(req kmsg.Request, version int16, corr int32) []byte {
	return FrameOf("modeltest", req, version, corr)
}

// FrameOf is [Frame] of a client that goes by another name.
func FrameOf(client string, req kmsg.Request, version int16, corr int32) []byte {
	req.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID(client)).AppendRequest(nil, req, corr)
}

// RawFrame is a request of any key and version with the given body behind an
// old header, size first.
func RawFrame(key, version int16, corr int32, body []byte) []byte {
	const client = "modeltest"
	f := binary.BigEndian.AppendUint32(nil, uint32(8+2+len(client)+len(body)))
	f = binary.BigEndian.AppendUint16(f, uint16(key))
	f = binary.BigEndian.AppendUint16(f, uint16(version))
	f = binary.BigEndian.AppendUint32(f, uint32(corr))
	f = binary.BigEndian.AppendUint16(f, uint16(len(client)))
	f = append(f, client...)
	return append(f, body...)
}

// Decode reads a response frame, without its size, as the answer to req.
func Decode(req kmsg.Request, frame []byte) (kmsg.Response, int32, error) {
	if len(frame) < 4 {
		return nil, 0, fmt.Errorf("response of %d bytes has no correlation id", len(frame))
	}
	corr, body := int32(binary.BigEndian.Uint32(frame)), frame[4:]
	resp := req.ResponseKind()
	if resp.IsFlexible() && resp.Key() != keyAPIVersions {
		r := kbin.Reader{Src: body}
		kmsg.SkipTags(&r)
		if !r.Ok() {
			return nil, corr, fmt.Errorf("response header of %d bytes is cut", len(body))
		}
		body = r.Src
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, corr, fmt.Errorf("response %T version %d: %w", resp, resp.GetVersion(), err)
	}
	return resp, corr, nil
}
