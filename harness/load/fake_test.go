package load

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fake is a broker of a few APIs that keeps records in memory and misbehaves on
// request. One goroutine serves a connection, a request at a time.
type fake struct {
	t    *testing.T
	l    net.Listener
	mu   sync.Mutex
	cond *sync.Cond
	logs map[string][]*fakeLog
	done bool
	wg   sync.WaitGroup

	// onProduce sees every produce request, in the order of its partition's
	// log and under the lock; it may change the batch or drop it (nil), and
	// returns the error code to answer with.
	onProduce func(partition int32, n int, batch []byte) ([]byte, int16)
	// before runs before a produce request is handled, without the lock.
	before func()
	// mute makes produce requests go unanswered.
	mute bool
	// refuse hangs up on requests of an API once records were produced, silent
	// leaves them without an answer.
	refuse, silent int16
	// onProduced sees the connection and partition of every produce request.
	onProduced func(c net.Conn, partition int32)
	// onFetched sees the first partition of every fetch.
	onFetched func(partition int32)
	// nodes is how many leaders to pretend there are, all at one address.
	nodes int

	versions map[int16][2]int16 // by API key
	produced int                // requests
	conns    map[net.Conn]struct{}
	last     map[net.Conn]int16 // API that each asked for last
}

type fakeLog struct {
	data []byte
	next int64
}

func newFake(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		t: t, l: l, logs: map[string][]*fakeLog{}, nodes: 1, conns: map[net.Conn]struct{}{}, last: map[net.Conn]int16{},
		versions: map[int16][2]int16{0: {3, 12}, 1: {4, 12}, 2: {1, 7}, 3: {0, 12}, 18: {0, 3}, 19: {2, 7}},
	}
	f.cond = sync.NewCond(&f.mu)
	f.wg.Add(1)
	go f.accept()
	t.Cleanup(f.close)
	return f
}

func (f *fake) addr() string { return f.l.Addr().String() }

// requests is how many produce requests came.
func (f *fake) requests() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(f.produced)
}

func (f *fake) close() {
	_ = f.l.Close()
	f.mu.Lock()
	f.done = true
	f.cond.Broadcast()
	for c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

func (f *fake) accept() {
	defer f.wg.Done()
	for {
		c, err := f.l.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns[c] = struct{}{}
		f.mu.Unlock()
		f.wg.Add(1)
		go func() {
			defer f.wg.Done()
			defer func() { _ = c.Close() }()
			f.serve(c)
		}()
	}
}

func (f *fake) serve(c net.Conn) {
	var head [4]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(c, frame); err != nil {
			return
		}
		key, version := int16(binary.BigEndian.Uint16(frame)), int16(binary.BigEndian.Uint16(frame[2:]))
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		body := frame[8+2+binary.BigEndian.Uint16(frame[8:]):]
		if req.IsFlexible() {
			body = body[1:]
		}
		if err := req.ReadFrom(body); err != nil {
			f.t.Errorf("fake: request %d v%d does not decode: %v", key, version, err)
			return
		}
		if f.misbehaves(f.refuse, key) {
			return
		}
		f.mu.Lock()
		f.last[c] = key
		f.mu.Unlock()
		if p, ok := req.(*kmsg.ProduceRequest); ok && f.onProduced != nil {
			f.onProduced(c, p.Topics[0].Partitions[0].Partition)
		}
		if f.misbehaves(f.silent, key) {
			continue
		}
		resp := f.answer(req)
		if resp == nil {
			continue
		}
		resp.SetVersion(version)
		out := append(make([]byte, 4, 256), frame[4:8]...)
		if resp.IsFlexible() && key != 18 {
			out = append(out, 0)
		}
		out = resp.AppendTo(out)
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// misbehaves reports whether a request of an API is now to be treated badly.
func (f *fake) misbehaves(bad, key int16) bool { return bad != 0 && bad == key && f.requests() > 0 }

func (f *fake) answer(req kmsg.Request) kmsg.Response {
	switch r := req.(type) {
	case *kmsg.ApiVersionsRequest:
		resp := kmsg.NewPtrApiVersionsResponse()
		for k, v := range f.versions {
			a := kmsg.NewApiVersionsResponseApiKey()
			a.ApiKey, a.MinVersion, a.MaxVersion = k, v[0], v[1]
			resp.ApiKeys = append(resp.ApiKeys, a)
		}
		return resp
	case *kmsg.CreateTopicsRequest:
		return f.create(r)
	case *kmsg.MetadataRequest:
		return f.metadata(r)
	case *kmsg.ListOffsetsRequest:
		return f.ends(r)
	case *kmsg.ProduceRequest:
		return f.produce(r)
	case *kmsg.FetchRequest:
		return f.fetch(r)
	}
	f.t.Errorf("fake: unexpected request %T", req)
	return nil
}

func (f *fake) create(r *kmsg.CreateTopicsRequest) kmsg.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	resp := kmsg.NewPtrCreateTopicsResponse()
	for _, t := range r.Topics {
		rt := kmsg.NewCreateTopicsResponseTopic()
		rt.Topic = t.Topic
		if f.logs[t.Topic] != nil {
			rt.ErrorCode = 36 // TOPIC_ALREADY_EXISTS
		} else {
			for range t.NumPartitions {
				f.logs[t.Topic] = append(f.logs[t.Topic], &fakeLog{})
			}
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (f *fake) metadata(r *kmsg.MetadataRequest) kmsg.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	resp := kmsg.NewPtrMetadataResponse()
	addr := f.l.Addr().(*net.TCPAddr)
	for n := range f.nodes {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = int32(n), addr.IP.String(), int32(addr.Port)
		resp.Brokers = append(resp.Brokers, b)
	}
	for _, t := range r.Topics {
		rt := kmsg.NewMetadataResponseTopic()
		rt.Topic = t.Topic
		for p := range f.logs[*t.Topic] {
			rp := kmsg.NewMetadataResponseTopicPartition()
			rp.Partition, rp.Leader = int32(p), int32(p%f.nodes)
			rp.Replicas, rp.ISR = []int32{rp.Leader}, []int32{rp.Leader}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (f *fake) ends(r *kmsg.ListOffsetsRequest) kmsg.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	resp := kmsg.NewPtrListOffsetsResponse()
	for _, t := range r.Topics {
		rt := kmsg.NewListOffsetsResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewListOffsetsResponseTopicPartition()
			rp.Partition, rp.Offset = p.Partition, f.logs[t.Topic][p.Partition].next
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func (f *fake) produce(r *kmsg.ProduceRequest) kmsg.Response {
	if f.before != nil {
		f.before()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.produced++
	if f.mute {
		return nil
	}
	resp := kmsg.NewPtrProduceResponse()
	for _, t := range r.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.Partition = p.Partition
			rp.BaseOffset, rp.ErrorCode = f.append(t.Topic, p.Partition, p.Records)
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	f.cond.Broadcast()
	if r.Acks == 0 {
		return nil
	}
	return resp
}

func (f *fake) append(topic string, p int32, batch []byte) (int64, int16) {
	var rb kmsg.RecordBatch
	if err := rb.ReadFrom(batch); err != nil {
		f.t.Errorf("fake: batch does not decode: %v", err)
		return -1, 2
	}
	if got, want := uint32(rb.CRC), crc(batch[21:]); got != want {
		f.t.Errorf("fake: batch CRC: got %x, want %x", got, want)
		return -1, 2
	}
	l := f.logs[topic][p]
	batch = bytes.Clone(batch)
	if f.onProduce != nil {
		var code int16
		if batch, code = f.onProduce(p, f.produced, batch); code != 0 {
			return -1, code
		}
	}
	base := l.next
	if batch != nil {
		binary.BigEndian.PutUint64(batch, uint64(base))
		l.data = append(l.data, batch...)
	}
	l.next += int64(rb.NumRecords)
	return base, 0
}

// fetch answers when there is a byte or the wait is over.
func (f *fake) fetch(r *kmsg.FetchRequest) kmsg.Response {
	if f.onFetched != nil {
		f.onFetched(r.Topics[0].Partitions[0].Partition)
	}
	deadline := time.Now().Add(time.Duration(r.MaxWaitMillis) * time.Millisecond)
	wake := time.AfterFunc(time.Until(deadline), func() {
		f.mu.Lock()
		f.cond.Broadcast()
		f.mu.Unlock()
	})
	defer wake.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		resp, n := f.read(r)
		if n > 0 || f.done || !time.Now().Before(deadline) {
			return resp
		}
		f.cond.Wait()
	}
}

func (f *fake) read(r *kmsg.FetchRequest) (kmsg.Response, int) {
	resp := kmsg.NewPtrFetchResponse()
	total := 0
	for _, t := range r.Topics {
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.Partition, rp.AbortedTransactions = p.Partition, nil
			l := f.logs[t.Topic][p.Partition]
			rp.HighWatermark = l.next
			rp.RecordBatches = l.from(p.FetchOffset, int(p.PartitionMaxBytes))
			total += len(rp.RecordBatches)
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, total
}

// from cuts at max bytes, in the middle of a batch if need be.
func (l *fakeLog) from(offset int64, most int) []byte {
	b := l.data
	for len(b) >= 61 {
		size := int(binary.BigEndian.Uint32(b[8:])) + 12
		if int64(binary.BigEndian.Uint64(b))+int64(binary.BigEndian.Uint32(b[23:])) >= offset {
			return b[:min(len(b), most)]
		}
		b = b[size:]
	}
	return nil
}
