package modeltest

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

// baseMs is when the records of the suite were made: far enough back for
// retention by time, and always the same.
const baseMs = 1_700_000_000_000

// Batch is a record batch to produce.
type Batch struct {
	Codec    int
	Records  int   // 1 when 0
	Size     int   // bytes of each value
	TsMs     int64 // of the first record, baseMs when 0; the others follow a ms apart
	Producer int64 // -1 and the next two unused unless Idempotent
	Epoch    int16
	Sequence int32
	Tag      string // begins every value

	Idempotent bool
	Null       bool // every second key and value is null, and there are headers
	Transact   bool
}

// Bytes is the batch as a producer sends it.
func (b Batch) Bytes() []byte {
	w := batch.NewBuilder(0, b.Codec)
	w.Transactional = b.Transact
	if b.Idempotent {
		w.ProducerID, w.ProducerEpoch, w.BaseSequence = b.Producer, b.Epoch, b.Sequence
	}
	ts := b.TsMs
	if ts == 0 {
		ts = baseMs
	}
	for i := range max(b.Records, 1) {
		value := make([]byte, max(b.Size, len(b.Tag)+1))
		n := copy(value, b.Tag)
		value[n] = byte('0' + i%10)
		for j := n + 1; j < len(value); j++ {
			value[j] = byte(i*131 + j*7 + j*j/251)
		}
		key := []byte{'k', byte(i)}
		if b.Null && i%2 == 1 {
			w.Append(ts+int64(i), nil, nil, batch.RecordHeader{Key: "h", Value: nil}, batch.RecordHeader{Key: "", Value: []byte("v")})
			continue
		}
		w.Append(ts+int64(i), key, value)
	}
	return append([]byte(nil), w.Close()...)
}

// name or id: a topic's name and, once it is known, its id.
type topicRef struct {
	name string
	id   [16]byte
}

// produced is one partition's batch in a Produce request.
type produced struct {
	topic   topicRef
	index   int32
	records []byte
}

func produceRequest(acks int16, parts ...produced) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, 10_000
	for _, p := range parts {
		part := kmsg.NewProduceRequestTopicPartition()
		part.Partition, part.Records = p.index, p.records
		if n := len(req.Topics); n > 0 && req.Topics[n-1].Topic == p.topic.name {
			req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
			continue
		}
		t := kmsg.NewProduceRequestTopic()
		t.Topic, t.TopicID, t.Partitions = p.topic.name, p.topic.id, []kmsg.ProduceRequestTopicPartition{part}
		req.Topics = append(req.Topics, t)
	}
	return req
}

// produce appends one batch and expects code and, with code 0, the base offset.
func (c *Conn) produce(version int16, acks int16, p produced, code int16, base int64) *kmsg.ProduceResponseTopicPartition {
	c.tape.T.Helper()
	r := c.Ask(version, produceRequest(acks, p)).(*kmsg.ProduceResponse)
	got := &r.Topics[0].Partitions[0]
	if got.ErrorCode != code || code == 0 && got.BaseOffset != base {
		msg := ""
		if got.ErrorMessage != nil {
			msg = *got.ErrorMessage
		}
		c.fatalf("produce to %s-%d: code %d (%s) at offset %d, want code %d at %d", p.topic.name, p.index, got.ErrorCode, msg, got.BaseOffset, code, base)
	}
	return got
}

// fetched is one partition of a Fetch request.
type fetched struct {
	topic    topicRef
	index    int32
	offset   int64
	maxBytes int32 // 1 MiB when 0
	epoch    int32 // current leader epoch, plus 1 so that 0 is none
	last     int32 // last fetched epoch, plus 1
}

type fetchLimits struct {
	waitMs, minBytes, maxBytes int32
	session, sessionEpoch      int32
	forget                     []produced
	isolation                  int8
}

// fetchRequest asks for parts. Without limits it neither waits nor makes a session.
func fetchRequest(l *fetchLimits, parts ...fetched) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.MinBytes, req.SessionEpoch = 50<<20, 1, -1
	if l != nil {
		req.MaxWaitMillis, req.MinBytes, req.IsolationLevel = l.waitMs, l.minBytes, l.isolation
		if req.SessionID, req.SessionEpoch = l.session, l.sessionEpoch; l.maxBytes > 0 {
			req.MaxBytes = l.maxBytes
		}
		for _, f := range l.forget {
			t := kmsg.NewFetchRequestForgottenTopic()
			t.Topic, t.TopicID, t.Partitions = f.topic.name, f.topic.id, []int32{f.index}
			req.ForgottenTopics = append(req.ForgottenTopics, t)
		}
	}
	for _, p := range parts {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.FetchOffset, part.PartitionMaxBytes = p.index, p.offset, p.maxBytes
		part.CurrentLeaderEpoch, part.LastFetchedEpoch = p.epoch-1, p.last-1
		if p.maxBytes == 0 {
			part.PartitionMaxBytes = 1 << 20
		}
		if n := len(req.Topics); n > 0 && req.Topics[n-1].Topic == p.topic.name && req.Topics[n-1].TopicID == p.topic.id {
			req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, part)
			continue
		}
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID, t.Partitions = p.topic.name, p.topic.id, []kmsg.FetchRequestTopicPartition{part}
		req.Topics = append(req.Topics, t)
	}
	return req
}

// fetch asks for one partition and expects code.
func (c *Conn) fetch(version int16, l *fetchLimits, p fetched, code int16) *kmsg.FetchResponseTopicPartition {
	c.tape.T.Helper()
	r := c.Ask(version, fetchRequest(l, p)).(*kmsg.FetchResponse)
	if r.ErrorCode != 0 || len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 {
		c.fatalf("fetch of %s-%d: code %d, %d topics", p.topic.name, p.index, r.ErrorCode, len(r.Topics))
	}
	got := &r.Topics[0].Partitions[0]
	if got.ErrorCode != code {
		c.fatalf("fetch of %s-%d at %d: code %d, want %d", p.topic.name, p.index, p.offset, got.ErrorCode, code)
	}
	return got
}

// drain fetches from an offset to the high watermark, whatever it takes, and
// returns the batches it saw, whole ones only.
func (c *Conn) drain(version int16, l *fetchLimits, p fetched) (headers []batch.Header) {
	c.tape.T.Helper()
	for {
		got := c.fetch(version, l, p, 0)
		if p.offset >= got.HighWatermark {
			return headers
		}
		before := p.offset
		for b := got.RecordBatches; ; {
			var h batch.Header
			if len(b) < batch.HeaderLen || batch.Parse(b, &h) != nil || h.TotalLen() > len(b) {
				break
			}
			if err := batch.Intact(b, &h); err != nil {
				c.fatalf("fetch of %s-%d at %d: batch at %d: %v", p.topic.name, p.index, p.offset, h.BaseOffset, err)
			}
			headers = append(headers, h)
			p.offset, b = h.LastOffset()+1, b[h.TotalLen():]
		}
		if p.offset == before {
			c.fatalf("fetch of %s-%d at %d of %d: no whole batch in %d bytes", p.topic.name, p.index, p.offset, got.HighWatermark, len(got.RecordBatches))
		}
	}
}

// created makes a topic and returns it with its id.
func (c *Conn) created(name string, partitions int32, configs ...string) topicRef {
	c.tape.T.Helper()
	r := c.Ask(7, createRequest(name, partitions, configs...)).(*kmsg.CreateTopicsResponse)
	if code := r.Topics[0].ErrorCode; code != 0 {
		c.fatalf("create %s: code %d", name, code)
	}
	return topicRef{name, r.Topics[0].TopicID}
}

// known finds a topic that an earlier life has made.
func (c *Conn) known(name string) topicRef {
	c.tape.T.Helper()
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &name
	req.Topics = append(req.Topics, t)
	r := c.Ask(13, req).(*kmsg.MetadataResponse)
	if code := r.Topics[0].ErrorCode; code != 0 {
		c.fatalf("topic %s: code %d", name, code)
	}
	return topicRef{name, r.Topics[0].TopicID}
}

func createRequest(name string, partitions int32, configs ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 1
	for i := 0; i+1 < len(configs); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = configs[i], &configs[i+1]
		t.Configs = append(t.Configs, c)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func listRequest(topic string, index int32, ts ...int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	for _, ms := range ts {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp, p.CurrentLeaderEpoch = index, ms, -1
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic, t.Partitions = topic, []kmsg.ListOffsetsRequestTopicPartition{p}
		req.Topics = append(req.Topics, t)
	}
	return req
}

// list asks for one offset and expects it.
func (c *Conn) list(version int16, topic string, index int32, ts, want int64) {
	c.tape.T.Helper()
	r := c.Ask(version, listRequest(topic, index, ts)).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
	if r.ErrorCode != 0 || r.Offset != want {
		c.fatalf("offset of %s-%d at time %d: %d, code %d, want %d", topic, index, ts, r.Offset, r.ErrorCode, want)
	}
}
