package wire

import "github.com/twmb/franz-go/pkg/kerr"

// NotLeader is the code with which a response says where the leader is.
var NotLeader = kerr.NotLeaderForPartition.Code

// ProduceResult is the answer for one partition.
type ProduceResult struct {
	Index           int32
	Code            int16
	BaseOffset      int64
	LogAppendTimeMs int64
	LogStartOffset  int64
	Message         string // why it was refused; empty is null
	// Leader and LeaderEpoch are written from version 10 on and only when Code
	// is NOT_LEADER_OR_FOLLOWER.
	Leader, LeaderEpoch int32
}

// ProduceResponse appends a Produce response: Begin, then Topic and its Parts,
// then End. Every count is given before what it counts.
type ProduceResponse struct{ byTopic }

// Begin starts a response that is appended to dst.
func (w *ProduceResponse) Begin(dst []byte, version int16, corr int32, topics int) {
	w.begin(dst, corr, version, version >= 9)
	w.b = appendCount(w.b, w.flex, topics)
}

// Part writes one partition of the current topic.
func (w *ProduceResponse) Part(p *ProduceResult) {
	b := appendInt32(w.b, p.Index)
	b = appendInt16(b, p.Code)
	b = appendInt64(b, p.BaseOffset)
	b = appendInt64(b, p.LogAppendTimeMs)
	if w.ver >= 5 {
		b = appendInt64(b, p.LogStartOffset)
	}
	if w.ver >= 8 {
		b = appendCount(b, w.flex, 0) // errors by record, which no check of ours yields
		b = appendMessage(b, w.flex, p.Message)
	}
	if w.flex {
		if w.ver >= 10 && p.Code == NotLeader {
			b = append(b, 1)
			b = appendLeader(b, 0, p.Leader, p.LeaderEpoch)
		} else {
			b = append(b, noTags)
		}
	}
	w.b = b
}

// End finishes the response and returns dst with it. nodes are written from
// version 10 on; give none unless a part says NOT_LEADER_OR_FOLLOWER.
func (w *ProduceResponse) End(throttleMs int32, nodes []Node) []byte {
	w.closeTopic()
	w.b = appendInt32(w.b, throttleMs)
	return w.end(nodes, 10, 0)
}
