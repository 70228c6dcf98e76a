package tpc

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// inSession is a fetch in a session that does not wait.
func inSession(id, epoch int32, parts ...want) *kmsg.FetchRequest {
	req := fetchRequest("t", 0, 1, 1<<20, parts...)
	req.SessionID, req.SessionEpoch = id, epoch
	return req
}

// TestSessionLeavesWaiting moves a session to another shard while a fetch still
// waits with it where it was: that one is told that it was overtaken, and touches
// nothing that has moved.
func TestSessionLeavesWaiting(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir())
	old, fresh, producer := dial(t, b), dial(t, b), dial(t, b)
	topicWith(t, producer, "t", 2)
	ask := func(r *raw, req *kmsg.FetchRequest) *kmsg.FetchResponse {
		t.Helper()
		resp, err := r.ask(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp.(*kmsg.FetchResponse)
	}
	id := ask(old, inSession(0, 0, want{0, 0, 1 << 20}, want{1, 0, 1 << 20})).SessionID
	if id == 0 {
		t.Fatal("no session")
	}
	waits := inSession(id, 1)
	waits.MaxWaitMillis = int32(patience.Milliseconds())
	old.write(old.frame(waits))
	b.until(t, func(s *shard) bool {
		for c := s.conns; c != nil; c = c.next {
			if c.head != nil && c.head.hdr.Key == keyFetch && c.head.legsOut > 0 {
				return true
			}
		}
		return false
	})
	for epoch := int32(2); epoch < 5; epoch++ {
		if r := ask(fresh, inSession(id, epoch)); r.ErrorCode != 0 || r.SessionID != id {
			t.Fatalf("epoch %d on another connection: code %d, session %d", epoch, r.ErrorCode, r.SessionID)
		}
	}
	if _, code, err := producer.produce("t", 0, randomBatch(rng, 100)); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	resp, err := old.read(waits, old.corr)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := resp.(*kmsg.FetchResponse).ErrorCode, kerr.InvalidFetchSessionEpoch.Code; got != want {
		t.Errorf("the fetch that waited: code %d, want %d", got, want)
	}
	r := ask(fresh, inSession(id, 5))
	if r.ErrorCode != 0 || len(r.Topics) != 1 || len(r.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Errorf("after a produce: %+v", r)
	}
	stop(t, b)
}

// until waits for what one of the shards can see.
func (b *Broker) until(t testing.TB, seen func(*shard) bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		for _, s := range b.shards {
			found := false
			_ = b.on(s, func(s *shard) error { found = seen(s); return nil })
			if found {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatal("no shard ever saw it")
		}
	}
}

// TestSessionGone closes connections whose fetches wait for their turn in a
// session or for the session itself. Nothing of them stays.
func TestSessionGone(t *testing.T) {
	b := start(t, t.TempDir())
	setup := dial(t, b)
	topicWith(t, setup, "t", 2)
	for range 50 {
		r, other := dial(t, b), dial(t, b)
		resp, err := r.ask(inSession(0, 0, want{0, 0, 1 << 20}))
		if err != nil {
			t.Fatal(err)
		}
		id := resp.(*kmsg.FetchResponse).SessionID
		waits := inSession(id, 1)
		waits.MaxWaitMillis = int32(patience.Milliseconds())
		r.write(append(r.frame(waits), r.frame(inSession(id, 2))...))
		b.until(t, func(s *shard) bool {
			for c := s.conns; c != nil; c = c.next {
				if c.held != nil {
					return true
				}
			}
			return false
		})
		other.write(other.frame(inSession(id, 2)))
		other.c.Close()
		r.c.Close()
	}
	stop(t, b)
}
