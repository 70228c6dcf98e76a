package modeltest

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
)

// metric is the sum of a counter or gauge over its labels.
func metric(b models.Broker, name string) (sum float64) {
	for _, s := range b.Telemetry().Snapshot() {
		if s.Name == "ceteris_"+name {
			sum += s.Value
		}
	}
	return sum
}

// quotaClients are names of clients, so many that every shard keeps some.
var quotaClients = []string{"a", "b", "c", "d", "e", "f"}

// produceAs produces a batch of some 1 KiB under a client's name and returns
// how long the client is told to wait, ms, and the length of the request.
func (c *Conn) produceAs(client string, topic topicRef, partition int32) (throttleMs int32, bytes int) {
	c.tape.T.Helper()
	req := produceRequest(1, produced{topic: topic, index: partition, records: Batch{Size: 1000}.Bytes()})
	c.corr++
	frame := FrameOf(client, req, 9, c.corr)
	c.Write(frame)
	answer, err := readFrom(c.net)
	if err != nil {
		c.fatalf("produce as %s: %v", client, err)
	}
	resp, _, err := Decode(req, answer)
	if err != nil {
		c.fatalf("produce as %s: %v", client, err)
	}
	r := resp.(*kmsg.ProduceResponse)
	if code := r.Topics[0].Partitions[0].ErrorCode; code != 0 {
		c.fatalf("produce as %s: code %d", client, code)
	}
	return r.ThrottleMillis, len(frame) - 4
}

// EnforcesProduceQuota: a response comes at once and says how long to wait, its
// connection is muted until then, and other clients are not. The quota is the
// broker's: what a client sends over several connections, to partitions of
// several owners, counts together, to the byte.
func EnforcesProduceQuota(t *testing.T, p Point) {
	const perSec = 1000
	b, stop := p.With("quota.producer.default", "1000").Start(t, t.TempDir(), "127.0.0.1:0")
	defer stop()
	tape := &Tape{T: t, Addr: b.Addr()}
	defer tape.Close()
	topic := tape.Dial().created("t", 4)
	for i, client := range quotaClients {
		var conns []*Conn
		for range 4 {
			conns = append(conns, tape.Dial())
		}
		begun := time.Now()
		throttled, sent := int32(0), 0
		var c *Conn
		for n := 0; throttled == 0; n++ {
			if n > 1000 {
				t.Fatalf("client %s was never throttled", client)
			}
			c = conns[n%len(conns)]
			ms, bytes := c.produceAs(client, topic, int32(n%4))
			throttled = ms
			sent += bytes
		}
		// A rate counts over ten windows of a second at least and those that were
		// begun, and the last request may have gone over by its length.
		least := 10 * perSec
		most := least + int(time.Since(begun).Seconds()*perSec) + 2*1200
		if sent < least || sent > most {
			t.Errorf("client %s was throttled after %d bytes, want %d to %d", client, sent, least, most)
		}
		if i > 0 {
			continue // the waits take their time
		}
		asked := time.Now()
		c.Send(1, kmsg.NewPtrMetadataRequest())
		tape.Dial().produceAs("someone else", topic, 0)
		c.Answer()
		// Asked a moment after the wait began, hence the slack; a timer is never early.
		if waited := time.Since(asked); waited < time.Duration(throttled)*time.Millisecond/2 {
			t.Errorf("served after %v, throttled for %d ms", waited, throttled)
		}
	}
	want := float64(len(quotaClients))
	for end := time.Now().Add(answerLimit); metric(b, "throttled_total") < want && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // a response is there before it is counted
	}
	if n := metric(b, "throttled_total"); n != want {
		t.Errorf("%v responses throttled, want one of each client", n)
	}
}

// EnforcesFetchQuota: a client that has had too much gets a response without
// records and the time to wait; others get theirs.
func EnforcesFetchQuota(t *testing.T, p Point) {
	b, stop := p.With("quota.consumer.default", "1000").Start(t, t.TempDir(), "127.0.0.1:0")
	defer stop()
	tape := &Tape{T: t, Addr: b.Addr()}
	defer tape.Close()
	c := tape.Dial()
	topic := c.created("t", 2)
	for partition := range int32(2) {
		c.produceAs("writer", topic, partition)
	}
	batch := len(Batch{Size: 1000}.Bytes())
	for _, client := range quotaClients {
		c := tape.Dial()
		got := 0
		for n := 0; ; n++ {
			req := fetchRequest(nil, fetched{topic: topic}, fetched{topic: topic, index: 1})
			req.MaxBytes = int32(batch) // no more than one part's is sent, and counted
			c.corr++
			c.Write(FrameOf(client, req, 11, c.corr))
			answer, err := readFrom(c.net)
			if err != nil {
				t.Fatal(err)
			}
			resp, _, err := Decode(req, answer)
			if err != nil {
				t.Fatal(err)
			}
			r, bytes := resp.(*kmsg.FetchResponse), 0
			for i := range r.Topics[0].Partitions {
				bytes += len(r.Topics[0].Partitions[i].RecordBatches)
			}
			got += bytes
			if r.ThrottleMillis > 0 {
				if bytes > 0 {
					t.Errorf("client %s: %d bytes and a wait of %d ms, want none", client, bytes, r.ThrottleMillis)
				}
				break
			}
			if bytes != batch || n > 100 {
				t.Fatalf("client %s, request %d: %d bytes and no wait, want %d", client, n, bytes, batch)
			}
		}
		if got > 12_000 || got < 10_000-batch {
			t.Errorf("client %s had %d bytes before it was throttled, want about 10000", client, got)
		}
	}
}
