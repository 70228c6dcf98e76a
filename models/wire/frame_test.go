package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Every version of every request that kmsg knows has the header we read, and
// every response the one its client expects.
func TestHeadersOfAllKeys(t *testing.T) {
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("me"))
	keys := 0
	for key := int16(0); key < keyLimit; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil || key == 7 { // ControlledShutdown v0 has a header of its own
			continue
		}
		keys++
		for v := int16(0); v <= req.MaxVersion(); v++ {
			req.SetVersion(v)
			framed := f.AppendRequest(nil, req, 77)
			n, err := FrameSize(framed, 1<<20)
			if err != nil || n != len(framed)-SizeLen {
				t.Fatalf("key %d v%d: frame size %d, %v, want %d", key, v, n, err, len(framed)-SizeLen)
			}
			frame := framed[SizeLen:]
			var h Header
			if err := ParseHeader(frame, &h); err != nil {
				t.Fatalf("key %d v%d: %v", key, v, err)
			}
			if h.Key != key || h.Version != v || h.CorrelationID != 77 || string(h.ClientID) != "me" || h.Flexible != req.IsFlexible() {
				t.Errorf("key %d v%d: header %+v", key, v, h)
			}
			if want := req.AppendTo(nil); !bytes.Equal(frame[h.Body:], want) {
				t.Errorf("key %d v%d: body starts in the wrong place", key, v)
			}
			resp := AppendResponse(nil, v, 78, req.ResponseKind())
			tagged := 0
			if req.IsFlexible() && key != 18 {
				tagged = 1
			}
			want := req.ResponseKind().AppendTo(nil)
			if got := int(binary.BigEndian.Uint32(resp)); got != len(resp)-4 || len(resp) != 8+tagged+len(want) {
				t.Errorf("key %d v%d: response of %d bytes says %d, body has %d", key, v, len(resp), got, len(want))
			}
		}
	}
	if keys < 60 {
		t.Errorf("walked %d keys only", keys)
	}
}

func TestHeaderErrors(t *testing.T) {
	ok := kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrMetadataRequest(), 1)[SizeLen:]
	for _, c := range []struct{ name, frame, want string }{
		{"empty", "", "ends too early at byte 0 of 0"},
		{"short", string(ok[:7]), "ends too early at byte 4 of 7"},
		{"unknown key", "\x7f\x00" + string(ok[2:]), "unknown request key 32512"},
		{"negative key", "\xff\xff" + string(ok[2:]), "unknown request key -1"},
		{"negative version", "\x00\x03\x80\x00" + string(ok[4:]), "version -32768 of key 3 is negative"},
		{"client id too long", string(ok[:8]) + "\x00\x09abc", "ends too early"},
		{"client id of negative length", string(ok[:8]) + "\xff\xfe", "a negative length"},
		{"tags beyond the frame", "\x00\x12\x00\x03" + string(ok[4:8]) + "\xff\xff\x7f", "more tagged fields"},
		{"endless tag count", "\x00\x12\x00\x03" + string(ok[4:8]) + "\xff\xff" + strings.Repeat("\xff", 9), "above 32 bits"},
	} {
		var h Header
		err := ParseHeader([]byte(c.frame), &h)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if strings.Contains(c.want, "unknown request key") != errors.Is(err, ErrUnknownKey) {
			t.Errorf("%s: %v is ErrUnknownKey: %v", c.name, err, errors.Is(err, ErrUnknownKey))
		}
	}
}

func TestFrameSizeLimits(t *testing.T) {
	for _, c := range []struct {
		size uint32
		ok   bool
	}{{0, false}, {9, false}, {10, true}, {1000, true}, {1001, false}, {1 << 31, false}, {1<<32 - 1, false}} {
		n, err := FrameSize(binary.BigEndian.AppendUint32(nil, c.size), 1000)
		if (err == nil) != c.ok || c.ok && n != int(c.size) {
			t.Errorf("size %d: got %d, %v", c.size, n, err)
		}
	}
}

func TestDecodeRequestRefuses(t *testing.T) {
	for _, c := range []struct {
		name     string
		key, ver int16
		body     []byte
		want     string
	}{
		{"unknown key", 99, 0, nil, "unknown request key"},
		{"unknown version", 3, 99, nil, "Metadata v99: have 0 to"},
		{"too large", 3, 0, make([]byte, ColdMaxBytes+1), "at most"},
		{"count beyond the body", 3, 0, []byte{0x7f, 0xff, 0xff, 0xff}, "Metadata v0"},
		{"truncated", 19, 2, []byte{0, 0, 0, 1, 0}, "CreateTopics v2"},
	} {
		if _, err := DecodeRequest(c.key, c.ver, c.body); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}
