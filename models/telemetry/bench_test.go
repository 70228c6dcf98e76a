package telemetry

import "testing"

func BenchmarkRecord(b *testing.B) {
	r := NewRecorder()
	s := Stamps{1000, 1100, 1500, 1600, 9000, 20000, 90000, 91000, 91500, 99000}
	b.ReportAllocs()
	for b.Loop() {
		s[Sent]++
		r.Record(0, &s)
	}
}

func BenchmarkPoll(b *testing.B) {
	r := NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		r.Poll()
	}
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}

func BenchmarkCounter(b *testing.B) {
	var c Counter
	for b.Loop() {
		c.Inc()
	}
}
