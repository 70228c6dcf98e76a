package wire

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ColdMaxBytes bounds requests other than Produce and Fetch. What they decode to
// takes up to some fifty times their size, because an element of one byte may
// stand for a struct, so they may not be as large as a frame.
const ColdMaxBytes = 4 << 20

// DecodeRequest reads a request other than Produce and Fetch through kmsg, after
// a walk has found every length in it to be true. The request's byte fields
// alias body.
func DecodeRequest(key, version int16, body []byte) (kmsg.Request, error) {
	schema, ok := schemas[key]
	if !ok {
		return nil, fmt.Errorf("wire: %w %d", ErrUnknownKey, key)
	}
	req := kmsg.RequestForKey(key)
	name := kmsg.NameForKey(key)
	switch {
	case version < 0 || version > req.MaxVersion():
		return nil, fmt.Errorf("wire: %s v%d: have 0 to %d", name, version, req.MaxVersion())
	case len(body) > ColdMaxBytes:
		return nil, fmt.Errorf("wire: %s v%d: %d bytes, at most %d are taken", name, version, len(body), ColdMaxBytes)
	}
	r := reader{b: body}
	if walk(&r, schema, version, flexible(key, version)); r.bad != "" {
		return nil, r.fail(fmt.Sprintf("%s v%d", name, version))
	}
	req.SetVersion(version)
	if err := req.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("wire: %s v%d: %d bytes: %w", name, version, len(body), err)
	}
	return req, nil
}

// AppendResponse appends a response as a whole frame, size included. version is
// the request's and decides the header; the body is in the version that resp
// says, which differs only when ApiVersions refuses a version.
func AppendResponse(dst []byte, version int16, corr int32, resp kmsg.Response) []byte {
	tagged := flexible(resp.Key(), version) && resp.Key() != apiVersionsKey
	dst, start := beginResponse(dst, corr, tagged)
	return endResponse(resp.AppendTo(dst), start, 0)
}
