package tpc

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/modeltest"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// simClient is one client: a connection at a time, requests pipelined on it,
// answers checked in order.
type simClient struct {
	w       *world
	id      int
	peer    *reactor.Peer
	corr    int32
	out     []byte // encoded and not written yet
	in      []byte // read and not understood yet
	pending []asked
	most    int  // requests in flight
	ends    bool // has closed its sending side
	shard   int  // whose listener it has dialed
	session *simSession
	writer  *simWriter
	reader  map[simPart]int64 // where it fetches next
	build   *batch.Builder
}

// asked is a request that waits for its answer.
type asked struct {
	corr int32
	req  kmsg.Request
	// answer gets the response, or nil when there will never be one.
	answer func(resp kmsg.Response)
}

func newSimClient(w *world, id int) *simClient {
	c := &simClient{w: w, id: id, most: 1 + w.rng.IntN(8), reader: map[simPart]int64{}, build: batch.NewBuilder(0, batch.CodecNone)}
	if w.chance(40) {
		c.writer = &simWriter{c: c, id: -1}
	}
	return c
}

// act does one thing. False: there was nothing to do.
func (c *simClient) act() bool {
	if c.peer == nil {
		return !c.w.calm && c.dial()
	}
	switch n := c.w.rng.IntN(10); {
	case n < 5:
		return c.read() || c.write() || c.ask()
	case n < 8:
		return c.write() || c.ask() || c.read()
	default:
		return c.ask() || c.read() || c.write()
	}
}

func (c *simClient) dial() bool {
	if len(c.w.listeners) == 0 {
		return false
	}
	c.shard = c.w.rng.IntN(len(c.w.listeners))
	p, ok := c.w.k.Dial(c.w.listeners[c.shard], c.w.plan.room)
	if !ok {
		return false
	}
	if c.session != nil {
		c.session.dials++
	}
	c.peer, c.ends = p, false
	c.in, c.out = nil, nil
	return true
}

// cut ends the connection. What was asked and not answered never will be.
func (c *simClient) cut(reset bool) {
	if c.peer == nil {
		return
	}
	c.w.note("client %d cuts its connection with %d requests pending", c.id, len(c.pending))
	c.peer.Close(reset)
	c.lost()
}

func (c *simClient) lost() {
	c.peer = nil
	pending := c.pending
	c.pending = nil
	for i := range pending {
		pending[i].answer(nil)
	}
}

func (c *simClient) write() bool {
	if len(c.out) == 0 {
		return false
	}
	n := len(c.out)
	if c.w.chance(20) {
		n = 1 + c.w.rng.IntN(n)
	}
	if !c.peer.Write(c.out[:n]) {
		return c.read()
	}
	c.out = c.out[n:]
	return true
}

func (c *simClient) read() bool {
	n := 1 << 30
	if c.w.chance(20) {
		n = 1 + c.w.rng.IntN(2000)
	}
	b, err := c.peer.Read(n)
	if err != nil {
		c.w.note("client %d: the broker has closed the connection with %d requests pending", c.id, len(c.pending))
		c.w.cover.hit("connection closed by the broker")
		c.lost()
		return true
	}
	if len(b) == 0 {
		return false
	}
	c.in = append(c.in, b...)
	for len(c.in) >= 4 {
		size := int(binary.BigEndian.Uint32(c.in))
		if len(c.in) < 4+size {
			break
		}
		c.answered(c.in[4 : 4+size])
		if c.peer == nil {
			break
		}
		c.in = c.in[4+size:]
	}
	return true
}

func (c *simClient) answered(frame []byte) {
	if len(c.pending) == 0 {
		c.w.fail("client %d: an answer of %d bytes to nothing", c.id, len(frame))
	}
	a := c.pending[0]
	c.pending = c.pending[1:]
	resp, corr, err := modeltest.Decode(a.req, frame)
	if err != nil || corr != a.corr {
		c.w.fail("client %d: answer %d, want %d: %v", c.id, corr, a.corr, err)
	}
	c.w.note("client %d: answer %d, %d bytes, %08x", c.id, corr, len(frame), crc32.ChecksumIEEE(frame))
	a.answer(resp)
}

// send queues a request.
func (c *simClient) send(req kmsg.Request, version int16, answer func(kmsg.Response)) {
	c.corr++
	c.out = append(c.out, modeltest.Frame(req, version, c.corr)...)
	c.pending = append(c.pending, asked{corr: c.corr, req: req, answer: answer})
	c.w.note("client %d: asks %d, key %d", c.id, c.corr, req.Key())
}

// batch is one batch of a few records with new numbers for a partition.
func (c *simClient) batch(topic string, index int32) (b []byte, first uint64, count int) {
	m := c.w.model
	count = 1 + c.w.rng.IntN(4)
	first = m.next + 1
	m.next += uint64(count)
	c.build.Reset(0)
	most := 600
	switch n := c.w.rng.IntN(100); {
	case c.w.plan.heavy && n < 50:
		most = 16_000
	case n < 5:
		most = 20_000
	case n < 25:
		most = 5_000
	}
	size := 8 + c.w.rng.IntN(most)
	value := make([]byte, size)
	for i := range count {
		number := first + uint64(i)
		binary.BigEndian.PutUint64(value, number)
		timeMs := 1_700_000_000_000 + int64(number)
		if c.w.plan.retainMs > 0 { // its age matters
			timeMs = simOutside{c.w}.wallMs()
			m.times[number] = timeMs
		}
		c.build.Append(timeMs, nil, value)
		m.part(topic, index).sent[number] = true
	}
	return append([]byte(nil), c.build.Close()...), first, count
}
