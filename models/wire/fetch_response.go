package wire

// FetchResult is the answer for one partition, without its records.
type FetchResult struct {
	Index         int32
	Code          int16
	HighWatermark int64
	LastStable    int64
	LogStart      int64
	Committed     bool // read committed: the list of aborted transactions is there, and empty
	RecordBytes   int
	// DivergingEpoch and DivergingEnd are written from version 12 on, unless
	// the epoch is negative.
	DivergingEpoch int32
	DivergingEnd   int64
	// Leader and LeaderEpoch are written from version 16 on (Kafka: 12) and
	// only when Code is NOT_LEADER_OR_FOLLOWER.
	Leader, LeaderEpoch int32
}

// FetchResponse appends all of a Fetch response but the records: Begin, then
// Topic and its Parts, then End. Part says where the records belong, so that
// the response can be sent as pieces and records are never copied.
type FetchResponse struct {
	ThrottleMs int32 // for Begin: how long the client will not be read from

	byTopic
	records int
}

// Begin starts a response that is appended to dst. code and session are the
// session's, 0 for none.
func (w *FetchResponse) Begin(dst []byte, version int16, corr int32, code int16, session int32, topics int) {
	w.records = 0
	w.begin(dst, corr, version, version >= 12)
	w.b = appendInt32(w.b, w.ThrottleMs)
	if version >= 7 {
		w.b = appendInt16(w.b, code)
		w.b = appendInt32(w.b, session)
	}
	w.b = appendCount(w.b, w.flex, topics)
}

// Part writes one partition of the current topic. It returns where, counted
// from the start of dst, the partition's records belong.
func (w *FetchResponse) Part(p *FetchResult) (at int) {
	b := appendInt32(w.b, p.Index)
	b = appendInt16(b, p.Code)
	b = appendInt64(b, p.HighWatermark)
	b = appendInt64(b, p.LastStable)
	if w.ver >= 5 {
		b = appendInt64(b, p.LogStart)
	}
	switch {
	case p.Committed:
		b = appendCount(b, w.flex, 0)
	case w.flex:
		b = append(b, 0)
	default:
		b = appendInt32(b, -1)
	}
	if w.ver >= 11 {
		b = appendInt32(b, -1) // no replica is preferred to the leader
	}
	b = appendCount(b, w.flex, p.RecordBytes)
	at = len(b)
	w.records += p.RecordBytes
	if w.flex {
		b = w.tags(b, p)
	}
	w.b = b
	return at
}

func (w *FetchResponse) tags(b []byte, p *FetchResult) []byte {
	diverging := p.DivergingEpoch >= 0
	leader := w.ver >= 16 && p.Code == NotLeader
	n := byte(0)
	if diverging {
		n++
	}
	if leader {
		n++
	}
	b = append(b, n)
	if diverging {
		b = append(b, 0, 13)
		b = appendInt32(b, p.DivergingEpoch)
		b = appendInt64(b, p.DivergingEnd)
		b = append(b, noTags)
	}
	if leader {
		b = appendLeader(b, 1, p.Leader, p.LeaderEpoch)
	}
	return b
}

// End finishes the response, whose size includes the records, and returns dst
// with it. nodes are written from version 16 on; give none unless a part says
// NOT_LEADER_OR_FOLLOWER.
func (w *FetchResponse) End(nodes []Node) []byte {
	w.closeTopic()
	return w.end(nodes, 16, w.records)
}

// FetchPartBytes bounds what a partition and FetchTopicBytes what a topic adds
// to a response, records and name aside; FetchFixedBytes is the rest, without
// nodes. They let a caller find room for a whole head before it is written.
const (
	FetchFixedBytes = SizeLen + 4 + 1 + 4 + 2 + 4 + 5 + 1
	FetchTopicBytes = 16 + 5 + 5 + 1
	FetchPartBytes  = 4 + 2 + 8 + 8 + 8 + 4 + 4 + 5 + 1 + 15 + 11
)
