package log

import (
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/disk"
)

func TestIdempotence(t *testing.T) {
	ooo, fenced := kerr.OutOfOrderSequenceNumber.Code, kerr.InvalidProducerEpoch.Code
	type step struct {
		epoch   int16
		seq     int32
		n       int
		verdict Verdict
		code    int16
		base    int64
	}
	cases := []struct {
		name  string
		steps []step
	}{
		{"in order", []step{{0, 0, 3, Write, 0, 0}, {0, 3, 2, Write, 0, 3}, {0, 5, 1, Write, 0, 5}}},
		{"unknown producers begin anywhere", []step{{4, 77, 1, Write, 0, 0}, {4, 78, 1, Write, 0, 1}}},
		{"gap", []step{{0, 0, 3, Write, 0, 0}, {0, 4, 1, Refused, ooo, 0}, {0, 3, 1, Write, 0, 3}}},
		{"back but no repeat", []step{{0, 0, 3, Write, 0, 0}, {0, 1, 1, Refused, ooo, 0}}},
		{"repeat of the latest", []step{{0, 0, 3, Write, 0, 0}, {0, 0, 3, Duplicate, 0, 0}}},
		{
			"repeats of the latest five",
			[]step{
				{0, 0, 1, Write, 0, 0},
				{0, 1, 2, Write, 0, 1},
				{0, 3, 1, Write, 0, 3},
				{0, 4, 1, Write, 0, 4},
				{0, 5, 1, Write, 0, 5},
				{0, 6, 4, Write, 0, 6},
				{0, 1, 2, Duplicate, 0, 1},
				{0, 6, 4, Duplicate, 0, 6},
				{0, 0, 1, Refused, ooo, 0}, // the sixth back
				{0, 10, 1, Write, 0, 10},
			},
		},
		{
			"higher epoch begins at 0",
			[]step{
				{1, 0, 3, Write, 0, 0},
				{2, 3, 1, Refused, ooo, 0},
				{2, 0, 1, Write, 0, 3},
				{1, 3, 1, Refused, fenced, 0},
				{1, 0, 3, Refused, fenced, 0},
				{2, 0, 1, Duplicate, 0, 3},
			},
		},
		{
			"a new epoch repeats no sequence of the old",
			[]step{{1, 0, 1, Write, 0, 0}, {1, 1, 1, Write, 0, 1}, {2, 0, 1, Write, 0, 2}, {2, 1, 1, Write, 0, 3}},
		},
		{
			"sequence wraps",
			[]step{
				{0, math.MaxInt32 - 1, 2, Write, 0, 0}, // up to 2^31-1
				{0, 0, 1, Write, 0, 2},
				{0, math.MaxInt32 - 1, 2, Duplicate, 0, 0},
			},
		},
		{
			"sequence wraps inside a batch",
			[]step{
				{0, math.MaxInt32, 3, Write, 0, 0}, // 2^31-1, 0, 1
				{0, 1, 1, Refused, ooo, 0},
				{0, 2, 1, Write, 0, 3},
				{0, math.MaxInt32, 3, Duplicate, 0, 0},
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, disk.NewMem(), DefaultConfig())
			for i, st := range c.steps {
				a, verdict, code := s.put(sequence(9, st.epoch, st.seq, st.n))
				if verdict != st.verdict || code != st.code {
					t.Fatalf("step %d: got %v, code %d; want %v, code %d", i, verdict, code, st.verdict, st.code)
				}
				if verdict != Refused && (a.Base != st.base || a.Last != st.base+int64(st.n)-1) {
					t.Fatalf("step %d: got offsets %d to %d, want %d to %d", i, a.Base, a.Last, st.base, st.base+int64(st.n)-1)
				}
				if a.Duplicate != (verdict == Duplicate) {
					t.Fatalf("step %d: Duplicate is %v at verdict %v", i, a.Duplicate, verdict)
				}
			}
		})
	}
}

// A batch that was prepared and not committed leaves no trace.
func TestPrepareAloneChangesNothing(t *testing.T) {
	s := start(t, disk.NewMem(), DefaultConfig())
	s.put(sequence(9, 0, 0, 2))
	before := s.l.EndMark()
	for range 3 {
		var a Append
		b := sequence(9, 0, 2, 2)
		h := mustCheck(t, b)
		if v, code := s.l.Prepare(b, &h, &s.v, s.nowMs, 5, &a); v != Write || code != 0 || a.Base != 2 {
			t.Fatalf("got %v, code %d, base %d; want write at 2", v, code, a.Base)
		}
	}
	if got := s.l.EndMark(); got != before {
		t.Fatalf("end moved from %+v to %+v", before, got)
	}
	if epochs := s.l.Epochs(); len(epochs) != 1 || epochs[0].Epoch != 0 {
		t.Fatalf("epochs are %v", epochs)
	}
}

func TestProducersAreBoundedAndExpire(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxProducers, cfg.ProducerExpirationMs = 3, 1000
	s := start(t, disk.NewMem(), cfg)
	for i := range int64(5) {
		s.put(sequence(100+i, 0, 0, 1))
		if _, v, code := s.put(sequence(2, 0, int32(i), 1)); v != Write { // stays in use
			t.Fatalf("append %d of producer 2: %v, code %d", i, v, code)
		}
	}
	if got := len(s.l.producers.byID); got != 3 {
		t.Fatalf("got %d producers, want 3", got)
	}
	for id, want := range map[int64]bool{100: false, 101: false, 102: false, 103: true, 104: true, 2: true} {
		if _, got := s.l.producers.byID[id]; got != want {
			t.Errorf("producer %d remembered: %v, want %v", id, got, want)
		}
	}
	s.l.Retain(s.nowMs+999, s.l.EndMark())
	if got := len(s.l.producers.byID); got != 3 {
		t.Fatalf("got %d producers before the time, want 3", got)
	}
	s.l.Retain(s.nowMs+1000, s.l.EndMark())
	if got := len(s.l.producers.byID); got != 0 {
		t.Fatalf("got %d producers after the time, want 0", got)
	}
	if _, v, code := s.put(sequence(7, 0, 0, 1)); v != Write || code != 0 {
		t.Fatalf("after expiry: %v, code %d", v, code)
	}
}

// The five-batch window survives a crash, because the tail is replayed; after a
// clean stop the snapshot remembers the latest batch.
func TestProducersSurvive(t *testing.T) {
	for _, clean := range []bool{true, false} {
		mem := disk.NewMem()
		s := start(t, mem, DefaultConfig())
		for i := range int32(4) {
			s.put(sequence(9, 3, i, 1))
		}
		if clean {
			s.stop()
		}
		s = start(t, mem.Kill(), DefaultConfig())
		if a, v, _ := s.put(sequence(9, 3, 3, 1)); v != Duplicate || a.Base != 3 {
			t.Fatalf("clean %v: repeat of the latest: %v at %d", clean, v, a.Base)
		}
		if a, v, _ := s.put(sequence(9, 3, 1, 1)); !clean && (v != Duplicate || a.Base != 1) {
			t.Fatalf("repeat of an older one: %v at %d", v, a.Base)
		}
		if _, v, code := s.put(sequence(9, 2, 0, 1)); v != Refused || code != kerr.InvalidProducerEpoch.Code {
			t.Fatalf("clean %v: old epoch: %v, code %d", clean, v, code)
		}
		if a, v, _ := s.put(sequence(9, 3, 4, 1)); v != Write || a.Base != 4 {
			t.Fatalf("clean %v: next: %v at %d", clean, v, a.Base)
		}
	}
}
