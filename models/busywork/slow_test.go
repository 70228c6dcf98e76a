package busywork

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSlow: what the admin port is asked for takes the setting's place, at once
// and for streams that are there already, and nonsense changes nothing.
func TestSlow(t *testing.T) {
	w := New(configured(t, meanKey, "1000"))
	now := int64(0)
	w.cpuNow = func() int64 { now += 100; return now }
	s := w.Stream(0)
	took := func() int64 {
		before := now
		s.Do()
		return now - before
	}
	if got := took(); got != 1100 { // the first look and ten more
		t.Errorf("the setting's service took %d ns, want 1100", got)
	}
	for _, x := range []struct {
		by     string
		status int
		want   int64
	}{{"5us", 204, 5100}, {"", 400, 5100}, {"-1us", 400, 5100}, {"2s", 400, 5100}, {"soon", 400, 5100}, {"0s", 204, 0}} {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequest("POST", "/inject/slow?by="+x.by, nil))
		if rec.Code != x.status {
			t.Errorf("by=%s: status %d, want %d", x.by, rec.Code, x.status)
		}
		if x.status == 400 && !strings.Contains(rec.Body.String(), `"`+x.by+`"`) {
			t.Errorf("by=%s: %q does not quote it", x.by, rec.Body)
		}
		if got := took(); got != x.want {
			t.Errorf("after by=%s a service took %d ns, want %d", x.by, got, x.want)
		}
	}
}
