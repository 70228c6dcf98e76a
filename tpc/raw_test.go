package tpc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

// patience bounds every wait of a test: only a hang reaches it.
const patience = 30 * time.Second

// raw is a client that sends exactly what it is told.
type raw struct {
	t    testing.TB
	c    net.Conn
	corr int32
}

func dial(t testing.TB, b *Broker) *raw {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &raw{t: t, c: c}
}

// frame encodes a request with the next correlation id.
func (r *raw) frame(req kmsg.Request) []byte {
	r.corr++
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw")).AppendRequest(nil, req, r.corr)
}

func (r *raw) write(b []byte) {
	r.t.Helper()
	if _, err := r.c.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// read takes the next response, which must be to corr, into req's kind.
func (r *raw) read(req kmsg.Request, corr int32) (kmsg.Response, error) {
	_ = r.c.SetReadDeadline(time.Now().Add(patience))
	var head [8]byte
	if _, err := io.ReadFull(r.c, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(r.c, body); err != nil {
		return nil, err
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != corr {
		return nil, fmt.Errorf("response to request %d, want %d", got, corr)
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	reader := kbin.Reader{Src: body}
	if resp.IsFlexible() && resp.Key() != 18 {
		kmsg.SkipTags(&reader)
	}
	return resp, resp.ReadFrom(reader.Src)
}

func (r *raw) ask(req kmsg.Request) (kmsg.Response, error) {
	if _, err := r.c.Write(r.frame(req)); err != nil {
		return nil, err
	}
	return r.read(req, r.corr)
}

// closed waits for the broker to close the connection.
func (r *raw) closed() {
	r.t.Helper()
	_ = r.c.SetReadDeadline(time.Now().Add(patience))
	n, err := io.Copy(io.Discard, r.c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		r.t.Fatalf("the connection is open after %d more bytes, want it closed", n)
	}
}

func produceRequest(topic string, part int32, acks int16, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, acks, 5000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = part, records
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// produce returns the base offset or the error code.
func (r *raw) produce(topic string, part int32, records []byte) (int64, int16, error) {
	resp, err := r.ask(produceRequest(topic, part, -1, records))
	if err != nil {
		return -1, 0, err
	}
	p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return p.BaseOffset, p.ErrorCode, nil
}

// want is where a fetch reads.
type want struct {
	part   int32
	offset int64
	max    int32
}

func fetchRequest(topic string, maxWaitMs, minBytes, maxBytes int32, parts ...want) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 12, maxWaitMs, minBytes, maxBytes
	req.SessionEpoch = -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	for _, w := range parts {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = w.part, w.offset, w.max
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func (r *raw) fetch(req *kmsg.FetchRequest) ([]kmsg.FetchResponseTopicPartition, error) {
	resp, err := r.ask(req)
	if err != nil {
		return nil, err
	}
	topics := resp.(*kmsg.FetchResponse).Topics
	if len(topics) != 1 {
		return nil, fmt.Errorf("%d topics in the response, code %d", len(topics), resp.(*kmsg.FetchResponse).ErrorCode)
	}
	return topics[0].Partitions, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// shadow is what a topic must hold: the batches that were acknowledged, by
// partition and in order, as they were sent.
type shadow struct {
	mu    sync.Mutex
	parts map[int32][]shadowBatch
}

type shadowBatch struct {
	base int64
	n    int32
	b    []byte
}

// bornMs is the records' timestamp: young, lest retention take them.
var bornMs = time.Now().UnixMilli()

// randomBatch is a batch of one to three records with about size bytes in all.
func randomBatch(rng *rand.Rand, size int) []byte {
	n := 1 + rng.IntN(3)
	b := batch.NewBuilder(0, 0)
	for range n {
		v := make([]byte, size/n)
		for i := 0; i+8 <= len(v); i += 8 {
			binary.NativeEndian.PutUint64(v[i:], rng.Uint64())
		}
		b.Append(bornMs, nil, v)
	}
	return b.Close()
}

// add produces a batch through r and notes it when it was acknowledged.
func (s *shadow) add(r *raw, topic string, part int32, b []byte) (code int16, err error) {
	base, code, err := r.produce(topic, part, b)
	if err == nil && code == 0 {
		s.note(part, base, b)
	}
	return code, err
}

func (s *shadow) note(part int32, base int64, b []byte) {
	var h batch.Header
	if err := batch.Parse(b, &h); err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = map[int32][]shadowBatch{}
	}
	s.parts[part] = append(s.parts[part], shadowBatch{base, h.Count, b})
}

func (s *shadow) mustAdd(t testing.TB, r *raw, topic string, part int32, b []byte) {
	t.Helper()
	if code, err := s.add(r, topic, part, b); code != 0 || err != nil {
		t.Fatalf("produce to %s-%d: code %d, %v", topic, part, code, err)
	}
}

// end is the offset behind the last batch of a partition.
func (s *shadow) end(part int32) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.parts[part]
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].base + int64(all[len(all)-1].n)
}

// check compares fetched bytes with what was sent and returns the offset behind
// the last whole batch. The first batch must hold from. The broker writes the
// first 16 bytes of a batch (offset, length, epoch); the rest is the producer's.
// A batch that was written but not acknowledged yet cannot be compared.
func (s *shadow) check(part int32, from int64, got []byte) (next int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byBase := map[int64]shadowBatch{}
	for _, b := range s.parts[part] {
		byBase[b.base] = b
	}
	next = from
	for first := true; len(got) > 0; first = false {
		var h batch.Header
		if len(got) < batch.HeaderLen || batch.Parse(got, &h) != nil || h.TotalLen() > len(got) {
			if first {
				return next, fmt.Errorf("partition %d offset %d: the first batch is cut or unsound: %d bytes", part, from, len(got))
			}
			break
		}
		if crc := crc32.Checksum(got[21:h.TotalLen()], castagnoli); crc != h.CRC {
			return next, fmt.Errorf("partition %d offset %d: batch at %d: CRC %08x, want %08x", part, from, h.BaseOffset, crc, h.CRC)
		}
		if h.BaseOffset > next || h.LastOffset() < next || !first && h.BaseOffset != next {
			return next, fmt.Errorf("partition %d: batch %d to %d, want one that holds %d", part, h.BaseOffset, h.LastOffset(), next)
		}
		if sent, ok := byBase[h.BaseOffset]; ok && !bytes.Equal(sent.b[16:], got[16:h.TotalLen()]) {
			return next, fmt.Errorf("partition %d: batch at %d is not what was sent", part, h.BaseOffset)
		}
		next = h.LastOffset() + 1
		got = got[h.TotalLen():]
	}
	return next, nil
}

// verify reads every partition from its start and compares. max is the bytes per
// partition and fetch.
func (s *shadow) verify(t testing.TB, b *Broker, topic string, max int32) {
	t.Helper()
	r := dial(t, b)
	defer r.c.Close()
	for part := range s.parts {
		next := s.parts[part][0].base
		for end := s.end(part); next < end; {
			got, err := r.fetch(fetchRequest(topic, 0, 1, 1<<30, want{part, next, max}))
			if err != nil || got[0].ErrorCode != 0 {
				t.Fatalf("fetch of %s-%d at %d: code %d, %v", topic, part, next, got[0].ErrorCode, err)
			}
			was := next
			if next, err = s.check(part, next, got[0].RecordBatches); err != nil {
				t.Fatal(err)
			}
			if next == was {
				t.Fatalf("fetch of %s-%d at %d of %d: nothing", topic, part, next, end)
			}
		}
	}
}

// seeded prints the seed of a test that draws.
func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seededWith(seed)
}

func seededWith(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func produceCode(resp kmsg.Response) int16 {
	return resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
}

// topicWith makes a topic with settings.
func topicWith(t testing.TB, r *raw, name string, partitions int32, configs ...string) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 5, 5000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	for i := 0; i < len(configs); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = configs[i], &configs[i+1]
		topic.Configs = append(topic.Configs, c)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := r.ask(req)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; code != 0 {
		t.Fatalf("creating %s: code %d", name, code)
	}
}

func deleteTopic(t testing.TB, r *raw, name string) {
	t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis, req.TopicNames = 3, 5000, []string{name}
	resp, err := r.ask(req)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode; code != 0 {
		t.Fatalf("deleting %s: code %d", name, code)
	}
}

// until polls on a shard's thread.
func until(t testing.TB, b *Broker, id int, what string, f func(*shard) bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		ok := false
		if err := b.on(b.shards[id], func(s *shard) error { ok = f(s); return nil }); err != nil {
			t.Fatal(err)
		}
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("shard %d never came to: %s", id, what)
		}
	}
}
