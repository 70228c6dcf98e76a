package tpc

import "github.com/ceteris/ceteris/models/telemetry"

// Hops between shards are timed one in so many, counted by the sender, so that
// the clock's two readings cost each message about a nanosecond. The stamp is
// the clock's lower half, which wraps around after 4.3 s: a longer hop would be
// a stall of the receiver, and those are watched for by other means. It fits
// where the message has room anyway. What only timed messages pay is kept out of
// line, so that the compiler puts the rest in line.

// stamp times m if its turn has come.
func (s *shard) stamp(m *message) {
	if s.sends++; s.sends%telemetry.HopSample == 0 {
		m.sentNs = lowNow()
	}
}

// hopped records how long m was under way.
func (s *shard) hopped(m *message) {
	if m.sentNs != 0 {
		s.recordHop(m.sentNs)
	}
}

// lowNow is the lower half of the clock; never 0, which means not timed.
//
//go:noinline
func lowNow() uint32 { return uint32(telemetry.Now()) | 1 }

//go:noinline
func (s *shard) recordHop(sentNs uint32) {
	s.rec.Span(telemetry.Hop, int64(uint32(telemetry.Now())-sentNs))
}
