package threadpool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// dial opens a plain connection that must be done within ten seconds.
func dial(t testing.TB, b *Broker) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func write(t testing.TB, c net.Conn, frames ...[]byte) {
	t.Helper()
	if _, err := c.Write(bytes.Join(frames, nil)); err != nil {
		t.Fatal(err)
	}
}

// read returns the next response without its size: correlation id and body.
func read(t testing.TB, c net.Conn) (corr uint32, body []byte) {
	t.Helper()
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return binary.BigEndian.Uint32(b), b[4:]
}

// closed fails the test unless the broker closes the connection without a word.
func closed(t testing.TB, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	var timeout net.Error
	if n != 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("got %d bytes, %v; want the end of the connection", n, err)
	}
}

func frame(req kmsg.Request, corr int32) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, corr)
}

func apiVersions(version int16) kmsg.Request {
	return &kmsg.ApiVersionsRequest{Version: version, ClientSoftwareName: "test", ClientSoftwareVersion: "1"}
}

func metadata() kmsg.Request { return &kmsg.MetadataRequest{Version: 4} }

// TestMalformed sends what no client should; the broker closes the connection
// and serves the others.
func TestMalformed(t *testing.T) {
	b, _ := start(t, config(t, "socket.request.max.bytes", "100000"))
	good := frame(metadata(), 1)
	truncated := bytes.Clone(good)
	binary.BigEndian.PutUint32(truncated, uint32(len(good)-4-3))
	unknown := bytes.Clone(good)
	binary.BigEndian.PutUint16(unknown[4:], 999)
	late := bytes.Clone(good)
	binary.BigEndian.PutUint16(late[6:], 99)
	for name, f := range map[string][]byte{
		"negative size":   {0xff, 0xff, 0xff, 0xff},
		"too small":       {0, 0, 0, 3, 1, 2, 3},
		"too large":       {0, 1, 0x86, 0xa1},
		"unknown api":     unknown,
		"unknown version": late,
		"truncated body":  truncated[:len(truncated)-3],
		"text":            []byte("GET / HTTP/1.1\r\n\r\n"),
		"old produce":     frame(&kmsg.ProduceRequest{Version: 2}, 1),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, b)
			write(t, c, f)
			closed(t, c)
		})
	}
	c := dial(t, b)
	write(t, c, good)
	read(t, c)
}

// TestUnknownAPIVersions: any version of ApiVersions is answered.
func TestUnknownAPIVersions(t *testing.T) {
	b, _ := start(t, config(t))
	c := dial(t, b)
	write(t, c, frame(apiVersions(4), 5), frame(apiVersions(3), 6))
	if corr, _ := read(t, c); corr != 5 {
		t.Errorf("got correlation id %d, want 5", corr)
	}
	read(t, c)
	f := frame(apiVersions(4), 7)
	binary.BigEndian.PutUint16(f[6:], 77)
	write(t, c, f)
	corr, body := read(t, c)
	resp := kmsg.ApiVersionsResponse{Version: 0}
	if err := resp.ReadFrom(body); err != nil || corr != 7 || resp.ErrorCode != 35 || len(resp.ApiKeys) == 0 {
		t.Errorf("got correlation id %d, %v, %+v; want 7, code 35", corr, err, resp)
	}
}

// TestPieces sends frames a byte at a time, several at once, and cut anywhere.
func TestPieces(t *testing.T) {
	for _, inflight := range []string{"1", "5"} {
		b, _ := start(t, config(t, "inflight", inflight))
		c := dial(t, b)
		var all []byte
		for i := range 40 {
			all = append(all, frame(metadata(), int32(i))...)
		}
		for i := range 60 {
			write(t, c, all[i:i+1])
		}
		rest := all[60:]
		for n := 1; len(rest) > 0; n = n*3 + 1 {
			n = min(n, len(rest))
			write(t, c, rest[:n])
			rest = rest[n:]
			time.Sleep(time.Millisecond)
		}
		for i := range 40 {
			if corr, _ := read(t, c); corr != uint32(i) {
				t.Fatalf("got the response to %d, want %d", corr, i)
			}
		}
		write(t, c, frame(metadata(), 99))
		if err := c.CloseWrite(); err != nil { // what was sent is still answered
			t.Fatal(err)
		}
		if corr, _ := read(t, c); corr != 99 {
			t.Errorf("got the response to %d, want 99", corr)
		}
		closed(t, c)
	}
}

// TestSlowReader has a client ask for much and read nothing: the one processor
// must go on serving others.
func TestSlowReader(t *testing.T) {
	b, stop := start(t, config(t, "num.network.threads", "1", "num.io.threads", "1", "inflight", "4"))
	cl := client(t, b)
	createTopic(t, cl, "t", 1)
	for i := range 40 {
		produce(t, cl, "t", 1, i*100, i*100+100)
	}
	slow := dial(t, b)
	if err := slow.SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	req := fetchRequest("t", 0, 0, 0)
	for i := range 8 {
		write(t, slow, frame(req, int32(i)))
	}
	for i := range 20 {
		c := dial(t, b)
		write(t, c, frame(metadata(), int32(i)))
		read(t, c)
		c.Close()
	}
	for i := range 8 {
		if corr, body := read(t, slow); corr != uint32(i) || len(body) < 1000 {
			t.Fatalf("got the response to %d with %d bytes, want %d", corr, len(body), i)
		}
	}
	write(t, slow, frame(req, 100), frame(req, 101), frame(req, 102))
	stop() // and does not hang on a client that does not read
}

func fetchRequest(topic string, offset int64, waitMs, minBytes int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 11, waitMs, minBytes, 50<<20, -1
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic = topic
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.FetchOffset, fp.PartitionMaxBytes = offset, 50<<20
	ft.Partitions = append(ft.Partitions, fp)
	req.Topics = append(req.Topics, ft)
	return req
}

// TestLongPoll waits for its time, and for stop.
func TestLongPoll(t *testing.T) {
	b, stop := start(t, config(t))
	createTopic(t, client(t, b), "t", 1)
	c := dial(t, b)
	begin := time.Now()
	write(t, c, frame(fetchRequest("t", 0, 100, 1), 1))
	read(t, c)
	if d := time.Since(begin); d < 90*time.Millisecond {
		t.Errorf("a fetch of 100 ms was answered after %v", d)
	}
	write(t, c, frame(fetchRequest("t", 0, 600_000, 1), 2))
	for b.fetches.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	read(t, c)
	closed(t, c)
}

// TestIdleConnections closes what is not used, and only that.
func TestIdleConnections(t *testing.T) {
	b, _ := start(t, config(t, "connections.max.idle.ms", "300", "num.network.threads", "1"))
	idle, used := dial(t, b), dial(t, b)
	stop := time.Now().Add(800 * time.Millisecond)
	for i := int32(0); time.Now().Before(stop); i++ {
		write(t, used, frame(metadata(), i))
		read(t, used)
		time.Sleep(20 * time.Millisecond)
	}
	closed(t, idle)
	write(t, used, frame(metadata(), 1))
	read(t, used)
}

// TestMaxConnections serves a connection beyond the limit once another is gone.
func TestMaxConnections(t *testing.T) {
	b, _ := start(t, config(t, "max.connections", "2"))
	first, second := dial(t, b), dial(t, b)
	for _, c := range []net.Conn{first, second} {
		write(t, c, frame(metadata(), 1))
		read(t, c)
	}
	third := dial(t, b)
	write(t, third, frame(metadata(), 1))
	if err := third.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := third.Read(make([]byte, 1)); err == nil {
		t.Fatalf("a connection above the limit was served: %d bytes", n)
	}
	first.Close()
	if err := third.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	read(t, third)
}

// TestMemoryBound has many connections send large requests slowly at once: they
// are served in turn, and nothing is left accounted for.
func TestMemoryBound(t *testing.T) {
	cfg := config(t)
	cfg.MemoryBytes = 64 << 10
	b, _ := start(t, cfg)
	createTopic(t, client(t, b), "load", 16)
	const conns = 30
	done := make(chan bool, conns)
	for i := range conns {
		c := dial(t, b)
		f := produceFrame("load", int32(i%16), 100)
		go func() {
			ok := true
			for range 3 {
				if _, err := c.Write(f); err != nil {
					ok = false
					break
				}
				var size [4]byte
				if _, err := io.ReadFull(c, size[:]); err != nil {
					ok = false
					break
				}
				if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(size[:]))); err != nil {
					ok = false
					break
				}
			}
			done <- ok
		}()
	}
	for range conns {
		if !<-done {
			t.Fatal("a request was not served")
		}
	}
	for deadline := time.Now().Add(5 * time.Second); b.memory.used.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are still accounted for", b.memory.used.Load())
		}
	}
}

// TestAcks covers acks=0, which is not answered, and closes on an error.
func TestAcks(t *testing.T) {
	for _, d := range []string{"process", "power", "memory"} {
		b, _ := start(t, config(t, "durability", d))
		createTopic(t, client(t, b), "load", 1)
		c := dial(t, b)
		silent := produceFrame("load", 0, 1)
		acksAt := bytes.Index(silent, []byte{0xff, 0xff, 0, 0, 0x75, 0x30}) // acks, timeout 30000
		if acksAt < 0 {
			t.Fatal("no acks in the frame")
		}
		binary.BigEndian.PutUint16(silent[acksAt:], 0)
		write(t, c, silent, silent, frame(metadata(), 9))
		if corr, _ := read(t, c); corr != 9 {
			t.Errorf("%s: got the response to %d, want 9", d, corr)
		}
		consume1(t, b, 2)
		wrong := produceFrame("nowhere", 0, 1)
		binary.BigEndian.PutUint16(wrong[bytes.Index(wrong, []byte{0xff, 0xff, 0, 0, 0x75, 0x30}):], 0)
		write(t, c, wrong)
		closed(t, c)
	}
}

// consume1 waits until topic load has n records below its high watermark.
func consume1(t *testing.T, b *Broker, n int64) {
	t.Helper()
	rep := b.replica(b.image.Load().Topic([]byte("load")), 0)
	for deadline := time.Now().Add(5 * time.Second); rep.part.HighWatermark().Offset != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("high watermark %d, want %d", rep.part.HighWatermark().Offset, n)
		}
	}
}
