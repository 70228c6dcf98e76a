package tpc

import (
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
)

// encode is stop 9: the answer's head goes into the connection's buffer,
// records are referred to where they lie. It begins at nowNs and tells when it
// has ended.
func (s *shard) encode(c *conn, r *request, nowNs int64) (endNs int64) {
	switch {
	case r.hdr.Key == keyProduce && r.coldResp == nil:
		dst := c.room(r.produce.ResponseBytes())
		c.take(r.produce.AppendResponse(dst, r.hdr.CorrelationID))
	case r.hdr.Key == keyFetch && r.coldResp == nil:
		r.fetch.Settle(s.sessions)
		dst := c.room(r.fetch.HeadBytes())
		c.takeHead(r.fetch.Encode(r.hdr.CorrelationID, dst, &c.out))
	default:
		c.take(wire.AppendResponse(c.roomForCold(1024), r.hdr.Version, r.hdr.CorrelationID, r.coldResp))
	}
	// Encoding happens when the answer's turn has come. The wait for the turn is
	// the response's, not the encoder's: it counts until the connection takes it.
	endNs = telemetry.Now()
	r.stamps[telemetry.Encoded] = r.stamps[telemetry.Satisfied] + endNs - nowNs
	c.sent = append(c.sent, r.stamps)
	c.sentKeys = append(c.sentKeys, r.hdr.Key)
	return endNs
}

// A long answer is encoded in steps as soon as it may be answered, into memory of
// the heap: its head alone would be a large span of the arena, and what keeps its
// parts lies on the heap too. When its turn comes it is there as a whole and goes
// out by itself.

// encodeLong begins to encode the answer to a long request.
func (s *shard) encodeLong(r *request) {
	r.steps.encoding, r.steps.ns = true, -telemetry.Now()
	switch {
	case r.coldResp != nil:
		s.r.Offload(&encodeJob{s: s, r: r})
	case r.hdr.Key == keyProduce:
		r.produce.BeginResponse(make([]byte, 0, r.produce.ResponseBytes()), r.hdr.CorrelationID)
		s.inSteps(r, (*shard).appendProduce, (*shard).producedLong)
	default:
		r.fetch.BeginSettle(s.sessions)
		s.inSteps(r, (*shard).settleFetch, (*shard).fetchSettled)
	}
}

func (s *shard) appendProduce(r *request) (more bool) { return r.produce.AppendSome(s.most.parts) }

func (s *shard) producedLong(r *request) {
	r.steps.out.AppendBytes(r.produce.EndResponse())
	s.encodedLong(r)
}

func (s *shard) settleFetch(r *request) (more bool) {
	return r.fetch.SettleSome(s.sessions, s.most.parts)
}

func (s *shard) fetchSettled(r *request) {
	r.fetch.BeginEncode(r.hdr.CorrelationID, make([]byte, 0, r.fetch.HeadBytes()))
	s.inSteps(r, (*shard).encodeFetch, (*shard).encodedLong)
}

func (s *shard) encodeFetch(r *request) (more bool) {
	return r.fetch.EncodeSome(&r.steps.out, s.most.parts)
}

// encodedLong is the end of a long answer's encoding.
func (s *shard) encodedLong(r *request) {
	r.steps.ns += telemetry.Now()
	s.answerable(r)
}

// takeLong makes a long answer what the connection sends; nothing else is.
func (c *conn) takeLong(r *request) {
	c.out, r.steps.out = r.steps.out, c.out
	r.steps.encoding = false
	r.stamps[telemetry.Encoded] = r.stamps[telemetry.Satisfied] + r.steps.ns
	c.sent = append(c.sent, r.stamps)
	c.sentKeys = append(c.sentKeys, r.hdr.Key)
}

// dropLong releases a long answer that nobody takes.
func (s *shard) dropLong(r *request) {
	if r.steps.encoding {
		r.steps.encoding = false
		s.letGo(&r.steps.out)
	}
}
