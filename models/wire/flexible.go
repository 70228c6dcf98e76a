package wire

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// keyLimit is above every key that kmsg knows.
const keyLimit = 128

// apiVersionsKey is special: its response header is always version 0.
const apiVersionsKey = 18

// firstFlexible is the first flexible version of each key, -1 for a key that
// does not exist.
var firstFlexible = func() (t [keyLimit]int16) {
	for key := range t {
		t[key] = -1
		req := kmsg.RequestForKey(int16(key))
		if req == nil {
			continue
		}
		t[key] = math.MaxInt16
		for v := int16(0); v <= req.MaxVersion(); v++ {
			req.SetVersion(v)
			if req.IsFlexible() {
				t[key] = v
				break
			}
		}
	}
	return t
}()

func flexibleFrom(key int16) (first int16, known bool) {
	if key < 0 || key >= keyLimit || firstFlexible[key] < 0 {
		return 0, false
	}
	return firstFlexible[key], true
}

// flexible is whether a version of a known key has tagged fields.
func flexible(key, version int16) bool {
	first, ok := flexibleFrom(key)
	return ok && version >= first
}
