package modeltest

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetching is what a Fetch waits for, how it shares its bytes, and sessions.
var fetching = Script{Name: "fetching", Lives: []func(*Tape){
	func(t *Tape) {
		c, other := t.Dial(), t.Dial()
		topic := c.created("fetching", 15)
		longPolls(c, other, topic)
		limits(c, topic)
		sessions(c, topic)
		wandering(c, other, topic)
		for i := range int64(largeBatches) {
			c.produce(9, 1, produced{topic, 14, Batch{Size: largeBytes}.Bytes()}, 0, i)
		}
	},
	func(t *Tape) {
		c := t.Dial()
		topic := c.known("fetching")
		large(c, topic)
		limits(c, topic)
		sessions(c, topic)
	},
}}

// What one answer holds of a partition that is nowhere but on the device.
const (
	largeBatches = 5
	largeBytes   = 700_000
)

// large asks for several MiB of one partition at once: all there is, and less
// than that, which cuts a batch.
func large(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	for _, most := range []int32{8 << 20, 3_000_000} {
		r := c.Ask(12, fetchRequest(nil, fetched{topic: topic, index: 14, maxBytes: most})).(*kmsg.FetchResponse)
		if n, want := len(r.Topics[0].Partitions[0].RecordBatches), min(most, largeBatches*largeBytes); n < int(want) {
			c.fatalf("asked for %d bytes, got %d, want %d at least", most, n, want)
		}
	}
}

// longPolls wait on one connection for what another produces.
func longPolls(c, other *Conn, topic topicRef) {
	c.tape.T.Helper()
	at := [5]int64{}
	all := func() []fetched {
		var parts []fetched
		for i := range int32(5) {
			parts = append(parts, fetched{topic: topic, index: i, offset: at[i]})
		}
		return parts
	}
	for i := range int32(10) { // one byte anywhere is enough
		c.Send(12, fetchRequest(&fetchLimits{waitMs: 15_000, minBytes: 1, sessionEpoch: -1}, all()...))
		other.produce(9, -1, produced{topic, i % 5, Batch{Records: 2}.Bytes()}, 0, at[i%5])
		at[i%5] += 2
		c.Answer()
	}
	for i := range int32(3) { // the third batch of one partition makes it enough
		c.Send(13, fetchRequest(&fetchLimits{waitMs: 15_000, minBytes: 2500, sessionEpoch: -1}, fetched{topic: topic, index: i, offset: at[i]}))
		for range 3 {
			other.produce(9, 1, produced{topic, i, Batch{Size: 1000}.Bytes()}, 0, at[i])
			at[i]++
		}
		if r := c.Answer().(*kmsg.FetchResponse); len(r.Topics[0].Partitions[0].RecordBatches) < 2500 {
			c.fatalf("answered with %d bytes, want 2500 first", len(r.Topics[0].Partitions[0].RecordBatches))
		}
	}
	// Nothing comes: the answer is empty when its time is over.
	c.Ask(12, fetchRequest(&fetchLimits{waitMs: 60, minBytes: 1, sessionEpoch: -1}, all()...))
	// An error in one partition is reason enough to answer.
	c.Ask(12, fetchRequest(&fetchLimits{waitMs: 15_000, minBytes: 1, sessionEpoch: -1}, append(all(), fetched{topic: topic, index: 20})...))
	// So is a topic that goes away meanwhile.
	gone := c.created("gone", 1)
	c.Send(12, fetchRequest(&fetchLimits{waitMs: 15_000, minBytes: 1, sessionEpoch: -1}, fetched{topic: gone}))
	other.Ask(5, deleteRequest("gone"))
	if code := c.Answer().(*kmsg.FetchResponse).Topics[0].Partitions[0].ErrorCode; code != kerr.UnknownTopicOrPartition.Code {
		c.fatalf("a fetch from a deleted topic: code %d", code)
	}
}

func deleteRequest(name string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 10_000
	req.TopicNames = []string{name} // before version 6
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &name
	req.Topics = append(req.Topics, t)
	return req
}

// limits asks for less than there is, of one partition and of all.
func limits(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	for _, p := range []int32{0, 1, 11, 61, 80, 200, 1079, 5000} {
		for _, m := range []int32{0, 1, 100, 500, 2100, 3300, 1 << 20} {
			var parts []fetched
			for i := range int32(5) {
				parts = append(parts, fetched{topic: topic, index: i, offset: int64(i), maxBytes: p})
			}
			r := c.Ask(12, fetchRequest(&fetchLimits{maxBytes: max(m, 1), minBytes: 1, sessionEpoch: -1}, parts...)).(*kmsg.FetchResponse)
			if len(r.Topics[0].Partitions[0].RecordBatches) == 0 {
				c.fatalf("partition bytes %d, max bytes %d: nothing, want a first batch whatever the limit", p, m)
			}
		}
	}
}

// sessions is an incremental session from its first full fetch to its end.
func sessions(c *Conn, topic topicRef) {
	c.tape.T.Helper()
	ask := func(v int16, l fetchLimits, code int16, parts ...fetched) *kmsg.FetchResponse {
		c.tape.T.Helper()
		l.minBytes = 1
		r := c.Ask(v, fetchRequest(&l, parts...)).(*kmsg.FetchResponse)
		if r.ErrorCode != code {
			c.fatalf("fetch in session %d at epoch %d: code %d, want %d", l.session, l.sessionEpoch, r.ErrorCode, code)
		}
		return r
	}
	at := func(i int32) int32 { return c.tape.Together(topic, i) } // a session is with one broker
	for _, v := range []int16{7, 12, 13, 17} {
		full := ask(v, fetchLimits{}, 0, fetched{topic: topic, index: at(0)}, fetched{topic: topic, index: at(1)}, fetched{topic: topic, index: at(2)})
		id := full.SessionID
		if id == 0 {
			c.fatalf("a full fetch with epoch 0 made no session")
		}
		ask(v, fetchLimits{session: id, sessionEpoch: 1}, 0, fetched{topic: topic, index: at(0), offset: 4})
		ask(v, fetchLimits{session: id, sessionEpoch: 2}, 0, fetched{topic: topic, index: at(1), offset: 4}, fetched{topic: topic, index: at(3)})
		ask(v, fetchLimits{session: id, sessionEpoch: 3, forget: []produced{{topic: topic, index: at(2)}}}, 0)
		ask(v, fetchLimits{session: id, sessionEpoch: 9}, kerr.InvalidFetchSessionEpoch.Code)
		ask(v, fetchLimits{session: id, sessionEpoch: 4, maxBytes: 500}, 0, fetched{topic: topic, index: 20})
		ask(v, fetchLimits{session: id, sessionEpoch: 5, maxBytes: 500, waitMs: 30}, 0)
		ask(v, fetchLimits{session: id ^ 1<<20, sessionEpoch: 1}, kerr.FetchSessionIDNotFound.Code)
		ask(v, fetchLimits{session: id, sessionEpoch: -1}, 0, fetched{topic: topic, index: at(4)})
		ask(v, fetchLimits{session: id, sessionEpoch: 6}, kerr.FetchSessionIDNotFound.Code)
		c.tape.Note("session %d", c.tape.session(id))
	}
}

// wandering uses sessions on another connection than the one that made them: a
// client that has lost its connection brings its session to the next.
func wandering(c, other *Conn, topic topicRef) {
	c.tape.T.Helper()
	next := func(id, epoch int32, parts ...fetched) *kmsg.FetchRequest {
		return fetchRequest(&fetchLimits{minBytes: 1, session: id, sessionEpoch: epoch}, parts...)
	}
	want := func(c *Conn, code int16, id int32) {
		c.tape.T.Helper()
		if r := c.Answer().(*kmsg.FetchResponse); r.ErrorCode != code || r.SessionID != id {
			c.fatalf("a session on another connection: code %d, session %d, want code %d, session %d", r.ErrorCode, r.SessionID, code, id)
		}
	}
	at := func(i int32) int32 { return c.tape.Together(topic, i) }
	for _, v := range []int16{7, 12, 17} {
		r := c.Ask(v, next(0, 0, fetched{topic: topic, index: at(0)}, fetched{topic: topic, index: at(1)}, fetched{topic: topic, index: at(2)})).(*kmsg.FetchResponse)
		id := r.SessionID
		for epoch := int32(1); epoch < 9; epoch += 4 {
			other.Send(v, next(id, epoch, fetched{topic: topic, index: at(0), offset: int64(epoch)}))
			want(other, 0, id)
			for ahead := range int32(3) { // no answer is waited for
				c.Send(v, next(id, epoch+1+ahead, fetched{topic: topic, index: at(3), offset: int64(ahead)}))
			}
			for range 3 {
				want(c, 0, id)
			}
		}
		other.Send(v, next(id, 3))
		want(other, kerr.InvalidFetchSessionEpoch.Code, 0)
		c.Send(v, next(id, -1, fetched{topic: topic, index: at(4)})) // ends it, wherever it is
		want(c, 0, 0)
		other.Send(v, next(id, 9))
		want(other, kerr.FetchSessionIDNotFound.Code, 0)
	}
}

// SessionsBeginAnywhere: a broker that was started again does not give the ids
// of sessions that its clients still believe to have.
func SessionsBeginAnywhere(t *testing.T, p Point) {
	dir := t.TempDir()
	made := map[int32]bool{}
	for life := range 3 {
		b, stop := p.Start(t, dir, "127.0.0.1:0")
		tape := &Tape{T: t, Addr: b.Addr()}
		c := tape.Dial()
		topic := topicRef{name: "t"}
		if life == 0 {
			c.created("t", 1)
		}
		for range 3 {
			r := c.Ask(12, fetchRequest(&fetchLimits{}, fetched{topic: topic})).(*kmsg.FetchResponse)
			if r.SessionID <= 0 || made[r.SessionID] {
				t.Errorf("life %d: session %d, want an id that none had before", life, r.SessionID)
			}
			made[r.SessionID] = true
		}
		tape.Close()
		stop()
	}
}
