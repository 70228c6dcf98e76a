package tpc

import "github.com/twmb/franz-go/pkg/kerr"

var codeNotLeader = kerr.NotLeaderForPartition.Code

// misrouted reports whether a part has come to the wrong broker, and counts it.
// With routing=direct each shard is a broker of its own to clients, and one that
// asks for what another shard owns looks up the leader again; with forward the
// part goes there by message. Questions that are not about records (metadata,
// topics, producer ids, offsets, epochs) are answered by every shard either way:
// clients may ask any broker the former, and answering the latter saves them a
// round trip.
func (s *shard) misrouted(owner int32) bool {
	if !s.env.Direct || int(owner) == s.id {
		return false
	}
	s.strays.Inc()
	return true
}
