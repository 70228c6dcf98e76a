package modeltest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

// loadTopic is what a Load writes to.
const loadTopic = "load"

// Load is several idempotent producers, each on a connection and a partition of
// its own, several requests ahead of their answers. It knows what was
// acknowledged, and what may or may not be there because no answer came.
type Load struct {
	Seed      uint64
	Producers int
	Ahead     int // requests without an answer, at most 5: more could not be repeated
	acked     atomic.Int64
	streams   []*stream
}

// stream is one producer. Its batches are numbered by their sequence.
type stream struct {
	index int32
	id    int64
	sent  []sentBatch // everything in order; those from done on have no answer
	done  int
	err   error // why it ended
	rng   *rand.Rand
}

type sentBatch struct {
	bytes   []byte // as sent
	seq     int32
	records int32
	base    int64 // offset, once acknowledged
}

// Prepare makes the load's topic and producers.
func (l *Load) Prepare(t testing.TB, addr string, configs ...string) {
	t.Helper()
	tape := &Tape{T: t, Addr: addr}
	defer tape.Close()
	c := tape.Dial()
	c.created(loadTopic, int32(l.Producers), configs...)
	for i := range l.Producers {
		id, _ := c.producerID(4)
		l.streams = append(l.streams, &stream{index: int32(i), id: id, rng: rand.New(rand.NewPCG(l.Seed, uint64(i)))})
	}
}

// Acked is how many batches were acknowledged so far. Any thread.
func (l *Load) Acked() int64 { return l.acked.Load() }

// Run sends until the broker goes away or until is reached by the number of
// acknowledged batches, and waits for all producers to end. What was sent and
// not answered is sent again first.
func (l *Load) Run(addr string, until int64) {
	var all sync.WaitGroup
	for _, s := range l.streams {
		all.Go(func() { s.err = l.stream(s, addr, until) })
	}
	all.Wait()
}

// Errors is why each producer ended.
func (l *Load) Errors() (errs []error) {
	for _, s := range l.streams {
		errs = append(errs, s.err)
	}
	return errs
}

func (l *Load) stream(s *stream, addr string, until int64) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	next := s.done // the first that is not under way on this connection
	for {
		for next-s.done < l.Ahead && (next < len(s.sent) || l.acked.Load() < until) {
			if next == len(s.sent) {
				s.sent = append(s.sent, s.batch())
			}
			req := produceRequest(-1, produced{topicRef{name: loadTopic}, s.index, s.sent[next].bytes})
			if _, err := conn.Write(Frame(req, 9, int32(next))); err != nil {
				return err
			}
			next++
		}
		if next == s.done {
			return nil
		}
		if err := s.answer(conn); err != nil {
			return err
		}
		s.done++
		l.acked.Add(1)
	}
}

// batch is the next one: some records of some size in some codec.
func (s *stream) batch() sentBatch {
	seq := int32(0)
	if n := len(s.sent); n > 0 {
		seq = s.sent[n-1].seq + s.sent[n-1].records
	}
	b := Batch{
		Idempotent: true, Producer: s.id, Sequence: seq, Records: 1 + s.rng.IntN(4), Size: 20 + s.rng.IntN(600),
		Tag: fmt.Sprintf("%d/%d", s.index, seq), Codec: s.rng.IntN(2) * s.rng.IntN(5), TsMs: baseMs + int64(seq),
	}
	return sentBatch{bytes: b.Bytes(), seq: seq, records: int32(b.Records), base: -1}
}

// Refusal is an error code for a batch that should have been taken.
type Refusal struct {
	Code     int16
	Sequence int32
}

func (r Refusal) Error() string { return fmt.Sprintf("sequence %d: code %d", r.Sequence, r.Code) }

// answer reads the response to the oldest request without one.
func (s *stream) answer(conn net.Conn) error {
	base, err := acknowledged(conn, int32(s.done))
	b := &s.sent[s.done]
	if code, refused := err.(codeError); refused {
		return Refusal{int16(code), b.seq}
	}
	b.base = base
	return err
}

// codeError is the code of a partition that was not appended to.
type codeError int16

func (c codeError) Error() string { return fmt.Sprintf("code %d", int16(c)) }

// acknowledged reads the response to a produce request of one batch: its offset.
func acknowledged(conn net.Conn, want int32) (base int64, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		return -1, err
	}
	frame, err := ReadFrame(conn)
	if err != nil {
		return -1, err
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version = 9
	resp, corr, err := Decode(req, frame)
	if err != nil {
		return -1, err
	}
	if corr != want {
		return -1, fmt.Errorf("correlation id %d, want %d", corr, want)
	}
	p := &resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		return -1, codeError(p.ErrorCode)
	}
	return p.BaseOffset, nil
}

// Verify reads every partition and fails the test unless each holds a prefix of
// what its producer sent, in order, once, and that prefix has everything that
// was acknowledged, at the offset that was acknowledged.
func (l *Load) Verify(t testing.TB, addr string) {
	t.Helper()
	tape := &Tape{T: t, Addr: addr}
	defer tape.Close()
	c := tape.Dial()
	for _, s := range l.streams {
		found := 0
		offset := int64(0)
		for part := (fetched{topic: topicRef{name: loadTopic}, index: s.index}); ; part.offset = offset {
			got := c.fetch(12, nil, part, 0)
			n, next := l.match(t, s, found, offset, got.RecordBatches)
			found, offset = found+n, next
			if offset >= got.HighWatermark {
				break
			}
			if n == 0 {
				t.Fatalf("seed %d: partition %d: no whole batch at offset %d below %d", l.Seed, s.index, offset, got.HighWatermark)
			}
		}
		if found < s.done {
			t.Fatalf("seed %d: partition %d has %d batches, but %d were acknowledged", l.Seed, s.index, found, s.done)
		}
		tape.Lines = nil
	}
}

// match compares whole batches with what was sent from the found-th on.
func (l *Load) match(t testing.TB, s *stream, found int, offset int64, b []byte) (n int, next int64) {
	t.Helper()
	for next = offset; len(b) >= batch.HeaderLen; n++ {
		var h batch.Header
		if err := batch.Parse(b, &h); err != nil {
			t.Fatalf("seed %d: partition %d at %d: %v", l.Seed, s.index, next, err)
		}
		if h.TotalLen() > len(b) {
			break
		}
		if found+n >= len(s.sent) {
			t.Fatalf("seed %d: partition %d at %d: batch of sequence %d, but only %d batches were sent: a repeat was stored",
				l.Seed, s.index, next, h.BaseSequence, len(s.sent))
		}
		want := &s.sent[found+n]
		if h.BaseOffset != next || want.base >= 0 && want.base != next {
			t.Fatalf("seed %d: partition %d: sequence %d lies at %d, follows %d, was acknowledged at %d",
				l.Seed, s.index, h.BaseSequence, h.BaseOffset, next, want.base)
		}
		// The broker writes the offset and the epoch; the rest is the producer's.
		const patched = 16
		if !bytes.Equal(b[patched:h.TotalLen()], want.bytes[patched:]) {
			t.Fatalf("seed %d: partition %d at %d: sequence %d, want the batch of sequence %d", l.Seed, s.index, next, h.BaseSequence, want.seq)
		}
		b, next = b[h.TotalLen():], h.LastOffset()+1
	}
	return n, next
}
