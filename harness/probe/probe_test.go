package probe

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// broker answers what a probe asks, and nothing else.
type broker struct {
	t      *testing.T
	addr   string
	others atomic.Bool // the load's topic is there
	// answer is called for every produce request with its number, and returns the
	// code; it may wait.
	answer   func(n int64) int16
	produced atomic.Int64
	mu       sync.Mutex
	topics   []string
}

func newBroker(t *testing.T, answer func(n int64) int16) *broker {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{t: t, addr: l.Addr().String(), answer: answer}
	b.others.Store(true)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(c)
		}
	}()
	return b
}

func (b *broker) serve(c net.Conn) {
	defer c.Close()
	for {
		var head [4]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(c, frame); err != nil {
			return
		}
		r := kbin.Reader{Src: frame}
		key, version, id := r.Int16(), r.Int16(), r.Int32()
		r.NullableString()
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		if err := req.ReadFrom(r.Src); err != nil {
			b.t.Errorf("request %d: %v", key, err)
			return
		}
		resp := b.respond(req)
		if resp == nil {
			return
		}
		out := resp.AppendTo(binary.BigEndian.AppendUint32(make([]byte, 4), uint32(id)))
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func (b *broker) respond(req kmsg.Request) kmsg.Response {
	resp := req.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.MetadataResponse:
		host, port, _ := net.SplitHostPort(b.addr)
		number, _ := net.LookupPort("tcp", port)
		r.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 7, Host: host, Port: int32(number)}}
		b.mu.Lock()
		names := append([]string(nil), b.topics...)
		b.mu.Unlock()
		if b.others.Load() {
			names = append(names, "ceteris")
		}
		for _, name := range names {
			t := kmsg.NewMetadataResponseTopic()
			t.Topic = &name
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Leader = 7
			t.Partitions = append(t.Partitions, p)
			r.Topics = append(r.Topics, t)
		}
	case *kmsg.CreateTopicsResponse:
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, t := range req.(*kmsg.CreateTopicsRequest).Topics {
			b.topics = append(b.topics, t.Topic)
		}
	case *kmsg.ProduceResponse:
		code := b.answer(b.produced.Add(1))
		if code == gone {
			return nil
		}
		t := kmsg.NewProduceResponseTopic()
		p := kmsg.NewProduceResponseTopicPartition()
		p.ErrorCode = code
		t.Topic, t.Partitions = Topic, append(t.Partitions, p)
		r.Topics = append(r.Topics, t)
	}
	return resp
}

// gone is an answer that ends the connection.
const gone = -99

// ready waits until the probe has asked all that it does not record.
func (b *broker) ready() {
	for b.produced.Load() < unrecorded {
		time.Sleep(time.Millisecond)
	}
}

// TestStall: what was due while the broker answered nobody counts from when it was
// due, so that a stall is in the histogram as often as requests would have met it.
func TestStall(t *testing.T) {
	const stall = 200 * time.Millisecond
	stalled := make(chan struct{})
	b := newBroker(t, func(n int64) int16 {
		if n == unrecorded+3 {
			time.Sleep(stall)
			close(stalled)
		}
		return 0
	})
	p := Start(Options{Addr: b.addr, PerSec: 100, CPU: -1})
	b.ready()
	begun := time.Now()
	p.Begin()
	<-stalled
	time.Sleep(30 * time.Millisecond)
	s, h, err := p.End()
	took := time.Since(begun)
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(took/(10*time.Millisecond)) + 1; s.Requests+s.Unsent > most || s.Requests+s.Unsent < 20 {
		t.Errorf("%d answered and %d unsent in %v of 100/s", s.Requests, s.Unsent, took)
	}
	// Of the 20 that a stall of 200 ms meets, all but one were due behind the first.
	if s.Late < 15 || s.MaxNs < int64(stall) || h.TotalCount() != s.Requests+s.Unsent {
		t.Errorf("%+v after a stall of %v", s, stall)
	}
	waited := int64(0)
	for _, bar := range h.Distribution() {
		if bar.From >= int64(stall/10) {
			waited += bar.Count
		}
	}
	if waited < 15 {
		t.Errorf("%d waited a tenth of the stall, want nearly all of 20: %+v", waited, s)
	}
}

// TestStallAtTheEnd: what was due in the window while the last answer was waited for is
// in the histogram at what it had waited by then; what was due afterwards is not.
func TestStallAtTheEnd(t *testing.T) {
	const period, stall = 10 * time.Millisecond, 400 * time.Millisecond
	asked, answer := make(chan struct{}), make(chan struct{})
	b := newBroker(t, func(n int64) int16 {
		if n == unrecorded+3 {
			close(asked)
			<-answer
		}
		return 0
	})
	p := Start(Options{Addr: b.addr, PerSec: float64(time.Second / period), CPU: -1})
	b.ready()
	begun := time.Now()
	p.Begin()
	<-asked
	sent := time.Now()
	time.Sleep(stall)
	go func() {
		time.Sleep(stall) // the window has ended, and nothing comes
		close(answer)
	}()
	inside := time.Since(begun)
	s, h, err := p.End()
	if err != nil || h.TotalCount() != s.Requests+s.Unsent || s.Requests != 3 {
		t.Fatalf("%+v, %v, %d in the histogram", s, err, h.TotalCount())
	}
	// Between the third request, which is due at 30 ms, and the window's end.
	if least, most := int64(stall/period)-2, int64((inside+stall/2)/period); s.Unsent < least || s.Unsent > most {
		t.Errorf("%d unsent of %v in which nothing was answered, want %d to %d", s.Unsent, inside, least, most)
	}
	// All have waited for the second half of the stall, the first of them for both.
	if got := h.ValueAtPercentile(50); got < int64(stall) || s.P50Ns != got || s.MaxNs < int64(time.Since(sent)-2*period)-int64(stall) {
		t.Errorf("a median of %v after a stall of %v: %+v", time.Duration(got), 2*stall, s)
	}
}

// TestOwnTopic: the probe's topic comes after the load's, and errors are counted.
func TestOwnTopic(t *testing.T) {
	b := newBroker(t, func(n int64) int16 {
		if n > unrecorded && n%2 == 0 {
			return 3
		}
		return 0
	})
	b.others.Store(false)
	p := Start(Options{Addr: b.addr, PerSec: 1000, CPU: -1})
	time.Sleep(3 * prepareEvery)
	b.mu.Lock()
	if len(b.topics) > 0 {
		t.Errorf("%v was created before the load's topic", b.topics)
	}
	b.mu.Unlock()
	b.others.Store(true)
	b.ready()
	p.Begin()
	for b.produced.Load() < unrecorded+9 {
		time.Sleep(time.Millisecond)
	}
	s, _, err := p.End()
	if err != nil || s.Failed < 4 || s.Requests < 4 || s.Failed+s.Requests != b.produced.Load()-unrecorded {
		t.Errorf("%+v, %v of %d requests", s, err, b.produced.Load())
	}
	if again, _, _ := p.End(); again != s {
		t.Errorf("ended again: %+v", again)
	}
}

// TestEnds: a probe that never began, and a broker that is not there or goes away.
func TestEnds(t *testing.T) {
	b := newBroker(t, func(n int64) int16 {
		if n > unrecorded {
			return gone
		}
		return 0
	})
	p := Start(Options{Addr: b.addr, PerSec: 10, CPU: -1})
	b.ready()
	if s, h, err := p.End(); err != nil || s.Requests != 0 || h.TotalCount() != 0 {
		t.Errorf("without a window: %+v, %v", s, err)
	}
	b.others.Store(false)
	if s, _, err := Start(Options{Addr: b.addr, PerSec: 10, CPU: -1}).End(); err != nil || s.Requests != 0 {
		t.Errorf("while it got ready: %+v, %v", s, err)
	}
	b.others.Store(true)
	p = Start(Options{Addr: b.addr, PerSec: 1000, CPU: -1})
	p.Begin()
	<-p.done
	if _, _, err := p.End(); err == nil || !strings.Contains(err.Error(), "probe: receiving") {
		t.Errorf("the broker went away: %v", err)
	}
	if _, _, err := Start(Options{Addr: "127.0.0.1:1", PerSec: 10, CPU: -1}).End(); err == nil {
		t.Error("nobody there, and no error")
	}
}
