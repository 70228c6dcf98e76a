package load

import (
	"testing"
)

func TestRawEndToEnd(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.OutDir = t.TempDir()
	s := mustRun(t, o)
	want := intendedIn(t, &o)
	if s.Intended != want || s.Sent != want || s.Acked != want || s.Records != 2*want || s.PayloadBytes != 400*want {
		t.Errorf("got %d intended, %d sent, %d acked, %d records, %d bytes, want %d requests", s.Intended, s.Sent, s.Acked, s.Records, s.PayloadBytes, want)
	}
	c := s.Consumer
	if !c.Drained || c.Lost+c.Duplicated+c.Reordered+c.Corrupt+c.Errors+c.Unstamped != 0 || c.Records != 2*int64(f.produced) {
		t.Errorf("consumer of %d requests: got %+v", f.produced, c)
	}
	t.Logf("%+v", *s)
}
