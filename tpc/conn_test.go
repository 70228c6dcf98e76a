package tpc

import (
	"encoding/binary"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func metadataRequest() *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 9
	return req
}

// TestInflightLimit pipelines far more requests than a connection may have in
// the broker while none can be answered. Exactly the limit is taken in, and in
// the end all are answered in order.
func TestInflightLimit(t *testing.T) {
	for _, limit := range []int{1, 3, 64} {
		rng := seeded(t)
		b := configure(t, t.TempDir(), "log.segment.bytes", "65536", "inflight", strconv.Itoa(limit))
		fs := newFaults(t, b)
		launch(t, b)
		r := dial(t, b)
		topicWith(t, r, "t", 1)
		gate := make(chan int)
		fs.hold.Store(&gate)
		if _, code, err := r.produce("t", 0, randomBatch(rng, 60_000)); code != 0 || err != nil {
			t.Fatal(code, err)
		}
		const n = 200
		first := r.corr + 1
		var all []byte
		for range n { // the second one on opens a segment that cannot be made yet
			all = append(all, r.frame(produceRequest("t", 0, -1, randomBatch(rng, 6000)))...)
		}
		go func() { _, _ = r.c.Write(all) }()
		full := func(s *shard) bool {
			for c := s.conns; c != nil; c = c.next {
				if c.inflight == limit && c.paused {
					return true
				}
			}
			return false
		}
		home := -1
		for end := time.Now().Add(patience); home < 0; {
			for i, s := range b.shards {
				_ = b.on(s, func(s *shard) error {
					for c := s.conns; c != nil; c = c.next {
						if c.inflight > limit {
							t.Errorf("%d requests in flight, limit %d", c.inflight, limit)
						}
					}
					if full(s) {
						home = i
					}
					return nil
				})
			}
			if time.Now().After(end) {
				t.Fatalf("never %d in flight", limit)
			}
		}
		fs.hold.Store(nil)
		close(gate)
		for corr := first; corr < first+n; corr++ {
			resp, err := r.read(produceRequest("t", 0, -1, nil), corr)
			if err != nil {
				t.Fatal(err)
			}
			if code := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
				t.Fatalf("request %d: code %d", corr, code)
			}
		}
		stop(t, b)
	}
}

// TestFramesInPieces sends requests cut at every byte, and several in one piece
// cut everywhere.
func TestFramesInPieces(t *testing.T) {
	for _, backend := range []string{"uring", "epoll"} {
		t.Run(backend, func(t *testing.T) {
			rng := seeded(t)
			b := start(t, t.TempDir(), "network", backend)
			r := dial(t, b)
			topicWith(t, r, "t", 2)
			var sent shadow
			round := func(cut func(frame []byte)) {
				first := r.corr + 1
				var out []byte
				var batches [][]byte
				for i := range 4 {
					batches = append(batches, randomBatch(rng, 1+rng.IntN(60)))
					out = append(out, r.frame(produceRequest("t", int32(i%2), -1, batches[i]))...)
				}
				cut(out)
				for i, records := range batches {
					resp, err := r.read(produceRequest("t", 0, -1, nil), first+int32(i))
					if err != nil {
						t.Fatal(err)
					}
					p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
					if p.ErrorCode != 0 {
						t.Fatalf("code %d", p.ErrorCode)
					}
					sent.note(int32(i%2), p.BaseOffset, records)
				}
			}
			settle := func() { time.Sleep(50 * time.Microsecond) } // so that pieces arrive as pieces more often than not
			round(func(out []byte) {
				for i := range out {
					r.write(out[i : i+1])
					settle()
				}
			})
			one := len(r.frame(produceRequest("t", 0, -1, randomBatch(rng, 60))))
			for at := 1; at < 2*one; at++ {
				round(func(out []byte) {
					at := min(at, len(out))
					r.write(out[:at])
					settle()
					r.write(out[at:])
				})
			}
			for range 20 {
				round(func(out []byte) {
					for len(out) > 0 {
						n := 1 + rng.IntN(len(out))
						r.write(out[:n])
						out = out[n:]
					}
				})
			}
			sent.verify(t, b, "t", 1<<20)
			stop(t, b)
		})
	}
}

// TestLargeFrames sends requests of several MiB to a broker with the least
// memory. Each is served or its connection closed; the broker goes on.
func TestLargeFrames(t *testing.T) {
	for _, backend := range []string{"uring", "epoll"} {
		t.Run(backend, func(t *testing.T) {
			rng := seeded(t)
			b := launch(t, small(configure(t, t.TempDir(), "network", backend, "message.max.bytes", "100000000")))
			setup := dial(t, b)
			topicWith(t, setup, "t", 2)
			var sent shadow
			served := 0
			for i, size := range []int{100, 1 << 20, 3 << 20, 4<<20 - 300, 9 << 20, 40 << 20, 90 << 20, 1 << 20, 100} {
				r := dial(t, b)
				code, err := sent.add(r, "t", int32(i%2), randomBatch(rng, size))
				switch {
				case err == nil && code == 0:
					served++
				case err == nil && code != codeExhausted:
					t.Errorf("%d bytes: code %d", size, code)
				case size < 2<<20:
					t.Errorf("%d bytes: code %d, %v", size, code, err)
				}
				r.c.Close()
			}
			if served < 4 {
				t.Errorf("%d requests served", served)
			}
			sent.verify(t, b, "t", 1<<20)
			stop(t, b)
		})
	}
}

// TestBadFrames follows good requests with one that cannot be understood. The
// good ones are answered, the connection is closed, and what comes after the bad
// one has no effect.
func TestBadFrames(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir(), "socket.request.max.bytes", "100000")
	setup := dial(t, b)
	topicWith(t, setup, "t", 1)
	bad := map[string][]byte{
		"negative size":   {0xff, 0xff, 0xff, 0xff},
		"too large":       binary.BigEndian.AppendUint32(nil, 100_001),
		"unknown key":     {0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
		"cut body":        {0, 0, 0, 11, 0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0},
		"unknown version": {0, 0, 0, 10, 0, 1, 0x7f, 0xff, 0, 0, 0, 1, 0xff, 0xff},
	}
	var sent shadow
	for name, frame := range bad {
		t.Run(name, func(t *testing.T) {
			r := dial(t, b)
			sent.mustAdd(t, r, "t", 0, randomBatch(rng, 100))
			after := r.frame(produceRequest("t", 0, -1, randomBatch(rng, 100)))
			r.write(append(slices.Clone(frame), after...))
			r.closed()
			got, err := setup.fetch(fetchRequest("t", 0, 0, 1, want{0, sent.end(0), 1}))
			if err != nil || got[0].HighWatermark != sent.end(0) {
				t.Errorf("high watermark %d, want %d; %v", got[0].HighWatermark, sent.end(0), err)
			}
		})
	}
	stop(t, b)
}

// TestNoAcks: what asks for no answer gets none; an error closes the connection,
// after the answers before it and before anything after it.
func TestNoAcks(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir())
	r := dial(t, b)
	topicWith(t, r, "t", 2)
	for i := range 50 {
		r.write(r.frame(produceRequest("t", int32(i%2), 0, randomBatch(rng, 50))))
	}
	first := r.corr + 1
	out := r.frame(metadataRequest())
	out = append(out, r.frame(produceRequest("absent", 0, 0, randomBatch(rng, 50)))...)
	out = append(out, r.frame(produceRequest("t", 0, 0, randomBatch(rng, 50)))...)
	out = append(out, r.frame(metadataRequest())...)
	r.write(out)
	if _, err := r.read(metadataRequest(), first); err != nil {
		t.Errorf("the answer before the error: %v", err)
	}
	if _, err := r.read(metadataRequest(), first+3); err == nil {
		t.Error("an answer after the error")
	}
	stop(t, b)
}

// TestIdle closes connections on which nothing moves, and none that waits for an
// answer.
func TestIdle(t *testing.T) {
	b := start(t, t.TempDir(), "connections.max.idle.ms", "100")
	waiting, idle := dial(t, b), dial(t, b)
	topicWith(t, waiting, "t", 1)
	req := fetchRequest("t", 1500, 1, 1000, want{0, 0, 1000})
	waiting.write(waiting.frame(req))
	idle.closed()
	if _, err := waiting.read(req, waiting.corr); err != nil {
		t.Errorf("the connection that waited: %v", err)
	}
	waiting.closed()
	stop(t, b)
}

// TestNeverReads has clients that ask and do not take the answers. They hold up
// nobody, and Stop does not wait for them for ever.
func TestNeverReads(t *testing.T) {
	rng := seeded(t)
	b := launch(t, small(configure(t, t.TempDir())))
	r := dial(t, b)
	topicWith(t, r, "t", 2)
	var sent shadow
	for i := range 20 {
		sent.mustAdd(t, r, "t", int32(i%2), randomBatch(rng, 200_000))
	}
	for range 4 {
		deaf := dial(t, b)
		_ = deaf.c.(*net.TCPConn).SetReadBuffer(4096)
		for range 40 {
			deaf.write(deaf.frame(fetchRequest("t", 0, 1, 1<<20, want{0, 0, 1 << 20}, want{1, 0, 1 << 20})))
		}
	}
	for i := range 20 {
		sent.mustAdd(t, r, "t", int32(i%2), randomBatch(rng, 200_000))
	}
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
	checkLogs(t, b)
}
