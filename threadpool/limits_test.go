package threadpool

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestMaxConnectionsPerIP: a connection too many is closed at once, and there is
// room again when another has gone.
func TestMaxConnectionsPerIP(t *testing.T) {
	b, _ := start(t, config(t, "max.connections.per.ip", "2"))
	first, second := dial(t, b), dial(t, b)
	for _, c := range []interface {
		Read([]byte) (int, error)
		Write([]byte) (int, error)
	}{first, second} {
		if _, err := c.Write(frame(metadata(), 1)); err != nil {
			t.Fatal(err)
		}
	}
	read(t, first)
	read(t, second)
	closed(t, dial(t, b))
	if n := b.acceptor.crowd.refused.Load(); n != 1 {
		t.Errorf("%d refused, want 1", n)
	}
	first.Close()
	for b.acceptor.open.Load() > 1 {
		time.Sleep(time.Millisecond)
	}
	third := dial(t, b)
	write(t, third, frame(metadata(), 1))
	read(t, third)
}

// TestConnectionRate: thirty connections at once exceed one a second over ten
// seconds, so the acceptor waits, and stopping does not wait for it.
func TestConnectionRate(t *testing.T) {
	b, stop := start(t, config(t, "max.connection.creation.rate", "1"))
	for range 15 {
		dial(t, b)
	}
	for b.acceptor.pace.slept.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if n := b.acceptor.accepted.Load(); n > 12 {
		t.Errorf("%d connections were accepted before the acceptor waited, want about 10", n)
	}
	stop()
}

// TestProduceQuota: the response comes at once and says how long to wait, the
// connection is muted until then, and other client ids are not.
func TestProduceQuota(t *testing.T) {
	b, _ := start(t, config(t, "quota.producer.default", "1000"))
	createTopic(t, client(t, b), "t", 1)
	c := dial(t, b)
	j := newJournal(0)
	// 10.5 KB within ten seconds' worth: half a second too many, and some framing.
	throttled := int32(0)
	for n := int32(1); throttled == 0; n++ {
		if n > 1000 {
			t.Fatal("never throttled")
		}
		j.send(t, c, n)
		throttled = j.throttleMs
	}
	asked := time.Now()
	write(t, c, frame(metadata(), 5000))
	other := dial(t, b)
	write(t, other, frame(metadata(), 1))
	read(t, other)
	read(t, c)
	// Asked a moment after the wait began, hence the slack; a timer is never early.
	if waited := time.Since(asked); waited < time.Duration(throttled)*time.Millisecond/2 {
		t.Errorf("served after %v, throttled for %d ms", waited, throttled)
	}
	sum := uint64(0)
	for _, p := range b.processors {
		sum += p.throttled.Load()
	}
	if sum != 1 {
		t.Errorf("%d responses throttled, want 1", sum)
	}
}

// TestFetchQuota: a client that has had too much gets a response without records
// and the time to wait; after that time it gets them.
func TestFetchQuota(t *testing.T) {
	b, _ := start(t, config(t, "quota.consumer.default", "1000"))
	cl := client(t, b)
	createTopic(t, cl, "t", 1)
	produce(t, cl, "t", 1, 0, 300)
	c := dial(t, b)
	ask := func(corr int32) (bytes int, throttleMs int32) {
		write(t, c, frame(fetchRequest("t", 0, 0, 1), corr))
		_, body := read(t, c)
		resp := kmsg.FetchResponse{Version: 11}
		if err := resp.ReadFrom(body); err != nil {
			t.Fatal(err)
		}
		return len(resp.Topics[0].Partitions[0].RecordBatches), resp.ThrottleMillis
	}
	bytes, wait := ask(1)
	for corr := int32(2); wait == 0; corr++ {
		if bytes == 0 || corr > 1000 {
			t.Fatalf("request %d: %d bytes and no wait", corr, bytes)
		}
		bytes, wait = ask(corr)
	}
	if bytes != 0 {
		t.Errorf("%d bytes and a wait of %d ms, want none", bytes, wait)
	}
}
