package modeltest

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/telemetry"
)

// Copied is what the broker's threads have copied so far, bytes by place.
func Copied(b models.Broker) (bytes [telemetry.CopyPlaces]int64) {
	for _, s := range b.Telemetry().Snapshot() {
		for at := range telemetry.CopyPlaces {
			if s.Name == "ceteris_copied_bytes_total" && label(&s, "place") == at.String() {
				bytes[at] += int64(s.Value)
			}
		}
	}
	return bytes
}

// SystemCalls is how many system calls the broker says that it has made.
func SystemCalls(b models.Broker) (n int64) {
	for _, s := range b.Telemetry().Snapshot() {
		if s.Name == "ceteris_system_calls_total" {
			n += int64(s.Value)
		}
	}
	return n
}

func label(s *telemetry.Sample, name string) string {
	for _, l := range s.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// Copies are the copies that a model makes of a request's bytes.
type Copies struct {
	Append bool // into a buffer that the device is written from
	Carry  bool // the last, partial block into the next such buffer, when the first of 4 KiB is full
	Whole  bool // a frame that does not arrive in one piece, into its own
	Fetch  bool // a fetch request, out of a buffer that is much larger
}

// CountsCopies produces batches of known sizes: every copy that the model is
// said to make is counted to the byte, and none that it does not make. Reading
// them back copies nothing.
func CountsCopies(t *testing.T, p Point, want Copies) {
	b, stop := p.Start(t, t.TempDir(), "127.0.0.1:0")
	tape := &Tape{T: t, Addr: b.Addr()}
	c := tape.Dial()
	topic := c.created("t", 1)
	before := Copied(b)
	var bytes, offset int64
	for _, size := range []int{1, 300, 3000} { // small enough for one packet
		batch := Batch{Size: size}.Bytes()
		bytes += int64(len(batch))
		c.produce(9, 1, produced{topic: topic, records: batch}, 0, offset)
		offset++
	}
	expect := func(what string, at telemetry.Place, n int64) {
		t.Helper()
		if got := Copied(b)[at] - before[at]; got != n {
			t.Errorf("%s: %d bytes copied at %s, want %d", what, got, at, n)
		}
	}
	appended, carried := int64(0), int64(0)
	if want.Carry {
		carried = bytes // the fourth batch begins another
	}
	if want.Append {
		appended = bytes
	}
	expect("whole frames", telemetry.CopyReceive, 0)
	expect("whole frames", telemetry.CopyAppend, appended)

	// The second part is sent when the broker must have looked at the first: where
	// it copies that, it says so.
	batch := Batch{Size: 2000}.Bytes()
	req := produceRequest(1, produced{topic: topic, records: batch})
	req.SetVersion(9)
	frame := Frame(req, 9, 77)
	c.Write(frame[:1000])
	for end := time.Now().Add(100 * time.Millisecond); Copied(b)[telemetry.CopyReceive] == before[telemetry.CopyReceive]; time.Sleep(time.Millisecond) {
		if !want.Whole && time.Now().After(end) || time.Now().After(end.Add(answerLimit)) {
			break
		}
	}
	c.Write(frame[1000:])
	if _, err := readFrom(c.net); err != nil {
		t.Fatal(err)
	}
	received := int64(0)
	if want.Whole {
		received = int64(len(frame))
	}
	if want.Append {
		appended += int64(len(batch))
	}
	expect("a frame in two parts", telemetry.CopyReceive, received)
	expect("a frame in two parts", telemetry.CopyAppend, appended)

	fetch := fetchRequest(nil, fetched{topic: topic})
	fetch.SetVersion(11)
	if want.Fetch {
		received += int64(len(Frame(fetch, 11, 0)) - 4)
	}
	if got := c.Ask(11, fetch).(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches; int64(len(got)) != bytes+int64(len(batch)) {
		t.Errorf("%d bytes read back, want %d", len(got), bytes+int64(len(batch)))
	}
	expect("reading", telemetry.CopyReceive, received)
	expect("reading", telemetry.CopyAppend, appended)
	expect("all of it", telemetry.CopyTail, carried)
	expect("all of it", telemetry.CopyMove, 0)
	tape.Close()
	stop()
}

// CountsSystemCalls asks one thing at a time, so that each has to be received
// and answered: that takes so many calls for each where every thread falls asleep
// in between. Nobody can promise that of a busy machine, so the best of some
// rounds counts: a call that is not counted is missing in all of them.
func CountsSystemCalls(t *testing.T, p Point, calls int64) {
	b, stop := p.Start(t, t.TempDir(), "127.0.0.1:0")
	tape := &Tape{T: t, Addr: b.Addr()}
	c := tape.Dial()
	topic := c.created("t", 1)
	const rounds, requests = 20, 50
	most := int64(0)
	for round := int64(0); round < rounds && most < calls*requests; round++ {
		before := SystemCalls(b)
		for i := range int64(requests) {
			c.produce(9, 1, produced{topic: topic, records: Batch{}.Bytes()}, 0, round*requests+i)
		}
		// Shards show their counts when they fall asleep. To wait for long would let
		// in what threads do now and then.
		for range 20 {
			if most = max(most, SystemCalls(b)-before); most >= calls*requests {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	if most < calls*requests {
		t.Errorf("%d system calls for %d requests at the most, want at least %d", most, requests, calls*requests)
	}
	tape.Close()
	stop()
}
