package api

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ceteris/ceteris/models/wire"
)

// listen serves the fake broker on a socket, a request at a time.
func (f *fakeBroker) listen() (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	n, _ := strconv.Atoi(port)
	f.env.Nodes[0] = wire.Node{ID: 1, Host: host, Port: int32(n)}
	var one sync.Mutex
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { f.converse(conn, &one) })
		}
	})
	f.t.Cleanup(func() { ln.Close(); running.Wait() })
	return ln.Addr().String()
}

func (f *fakeBroker) converse(conn net.Conn, one *sync.Mutex) {
	defer conn.Close()
	size := make([]byte, wire.SizeLen)
	for {
		if _, err := io.ReadFull(conn, size); err != nil {
			return
		}
		n, err := wire.FrameSize(size, 1<<20)
		if err != nil {
			f.t.Error(err)
			return
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(conn, frame); err != nil {
			return
		}
		one.Lock()
		out, err := f.serve(frame)
		one.Unlock()
		if err != nil {
			f.t.Error(err)
			return
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

// A client that knows nothing of us creates a topic, writes to it with
// idempotence and every codec it has, and reads everything back in order.
func TestFranzGoProducesAndConsumes(t *testing.T) {
	const records = 400
	f := newFake(t, "num.partitions", "2")
	addr := f.listen()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		topic := fmt.Sprintf("topic-%d", i)
		client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(codec),
			kgo.ConsumeTopics(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		for n := range records {
			client.Produce(ctx, &kgo.Record{Partition: int32(n % 2), Value: []byte(strconv.Itoa(n)), Timestamp: time.UnixMilli(f.nowMs)}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("%s: produce: %v", topic, err)
				}
			})
		}
		if err := client.Flush(ctx); err != nil || t.Failed() {
			t.Fatalf("%s: flush: %v", topic, err)
		}
		next := [2]int{0, 1}
		for got := 0; got < records; {
			fetches := client.PollFetches(ctx)
			if errs := fetches.Errors(); len(errs) > 0 {
				t.Fatalf("%s after %d records: %v", topic, got, errs)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if want := strconv.Itoa(next[r.Partition]); string(r.Value) != want {
					t.Fatalf("%s partition %d: got %s, want %s", topic, r.Partition, r.Value, want)
				}
				next[r.Partition] += 2
				got++
			})
		}
	}
}
