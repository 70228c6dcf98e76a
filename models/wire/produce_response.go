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
type ProduceResponse struct {
	b     []byte
	start int
	ver   int16
	flex  bool
	open  bool // a topic's tagged fields are still to be written
}

// Begin starts a response that is appended to dst.
func (w *ProduceResponse) Begin(dst []byte, version int16, corr int32, topics int) {
	w.ver, w.flex, w.open = version, version >= 9, false
	w.b, w.start = beginResponse(dst, corr, w.flex)
	w.b = appendCount(w.b, w.flex, topics)
}

// Topic starts a topic; name counts before version 13, id from then on.
func (w *ProduceResponse) Topic(name []byte, id [16]byte, parts int) {
	w.closeTopic()
	if w.ver >= 13 {
		w.b = append(w.b, id[:]...)
	} else {
		w.b = appendString(w.b, w.flex, name)
	}
	w.b = appendCount(w.b, w.flex, parts)
	w.open = true
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
	b := appendInt32(w.b, throttleMs)
	if w.flex {
		if w.ver < 10 {
			nodes = nil
		}
		b = appendNodes(b, nodes)
	}
	w.b = nil
	return endResponse(b, w.start, 0)
}

func (w *ProduceResponse) closeTopic() {
	if w.open && w.flex {
		w.b = append(w.b, noTags)
	}
	w.open = false
}
