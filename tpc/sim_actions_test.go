package tpc

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// simAction is something that a client, or the world, may begin. can is asked
// first; weight is how often it is chosen among those that can.
type simAction struct {
	name   string
	weight int
	do     func(c *simClient) bool // false: it could not, after all
}

// simActions is everything a client may begin. What is new gets a line here.
var simActions = []simAction{
	{"produce", 40, (*simClient).produce},
	{"write", 30, (*simClient).writeMore},
	{"fetch", 30, (*simClient).fetch},
	{"fetch with a session", 20, (*simClient).fetchSession},
	{"create topic", 3, (*simClient).createTopic},
	{"delete topic", 1, (*simClient).deleteTopic},
	{"add partitions", 1, (*simClient).addPartitions},
	{"list offsets", 3, (*simClient).listOffsets},
	{"cut", 1, (*simClient).cutting},
}

var simWeight = func() (sum int) {
	for _, a := range simActions {
		sum += a.weight
	}
	return sum
}()

// ask begins something.
func (c *simClient) ask() bool {
	if c.ends || len(c.pending) >= c.most || len(c.out) > 64<<10 {
		return false
	}
	if c.w.calm {
		return c.writer != nil && c.writer.id >= 0 && c.writer.ask()
	}
	if len(c.w.model.usable()) == 0 {
		return c.createTopic()
	}
	n := c.w.rng.IntN(simWeight)
	for _, a := range simActions {
		if n -= a.weight; n < 0 {
			if a.do(c) {
				c.w.cover.hit(a.name)
				return true
			}
			return false
		}
	}
	return false
}

func (c *simClient) writeMore() bool { return c.writer != nil && c.writer.ask() }

func (c *simClient) cutting() bool {
	c.cut(c.w.chance(50))
	return true
}

// somePart is a partition of a topic in use.
func (c *simClient) somePart() simPart {
	topics := c.w.model.usable()
	for tries := 0; ; tries++ {
		t := topics[c.w.rng.IntN(len(topics))]
		k := simPart{t.name, int32(c.w.rng.IntN(int(t.parts)))}
		if tries == 4 || c.serves(k) {
			return k
		}
	}
}

// serves reports whether the client is connected to who owns a partition, where
// that matters. Most requests go there, as those of clients do that have looked.
func (c *simClient) serves(k simPart) bool {
	if !c.w.plan.direct {
		return true
	}
	t := c.w.b.image.Load().Topic([]byte(k.topic))
	return t != nil && int(k.index) < len(t.Parts) && int(t.Parts[k.index].Owner) == c.shard
}

// misrouted is told that another shard owns a partition.
func (c *simClient) misrouted(k simPart) {
	if !c.w.plan.direct {
		c.w.fail("client %d: %v has another leader", c.id, k)
	}
	c.w.cover.hit("misrouted part refused")
}

// produce sends one request with a batch for each of a few partitions.
func (c *simClient) produce() bool {
	m := c.w.model
	acks := int16(-1)
	if c.w.chance(10) {
		acks = 0
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, 1000
	type sent struct {
		part  simPart
		first uint64
		count int
	}
	var all []sent
	used := map[simPart]bool{}
	for range 1 + c.w.rng.IntN(4) {
		k := c.somePart()
		if used[k] {
			continue
		}
		used[k] = true
		b, first, count := c.batch(k.topic, k.index)
		all = append(all, sent{k, first, count})
		one := simProduce(k, acks, b)
		at := -1
		for i := range req.Topics {
			if req.Topics[i].Topic == k.topic {
				at = i
			}
		}
		if at < 0 {
			req.Topics = append(req.Topics, one.Topics[0])
		} else {
			req.Topics[at].Partitions = append(req.Topics[at].Partitions, one.Topics[0].Partitions[0])
		}
	}
	if acks == 0 {
		c.corr++
		req.SetVersion(9)
		c.out = append(c.out, kmsg.NewRequestFormatter(kmsg.FormatterClientID("sim")).AppendRequest(nil, req, c.corr)...)
		c.w.note("client %d: produces without an answer, %d", c.id, c.corr)
		c.w.cover.hit("produce with acks=0")
		return true
	}
	c.send(req, 9, func(resp kmsg.Response) {
		if resp == nil {
			return
		}
		for _, t := range resp.(*kmsg.ProduceResponse).Topics {
			for _, p := range t.Partitions {
				k := simPart{t.Topic, p.Partition}
				if !used[k] {
					m.w.fail("client %d: an answer for %v, which was not asked or twice", c.id, k)
				}
				delete(used, k)
				for _, s := range all {
					if s.part == k {
						c.produced(k, s.first, s.count, p.BaseOffset, p.ErrorCode)
					}
				}
			}
		}
		if len(used) > 0 {
			m.w.fail("client %d: no answer for %v", c.id, used)
		}
	})
	return true
}

func (c *simClient) produced(k simPart, first uint64, count int, base int64, code int16) {
	m := c.w.model
	switch code {
	case 0:
		for i := range count {
			m.bind(k.topic, k.index, base+int64(i), first+uint64(i), "acknowledged")
		}
		c.w.cover.hit("batch acknowledged")
	case codeExhausted, kerr.RecordListTooLarge.Code:
		c.w.cover.hit("append refused")
		p := m.part(k.topic, k.index)
		for i := range count {
			p.never[first+uint64(i)] = true
		}
	case codeNotLeader:
		c.misrouted(k)
		p := m.part(k.topic, k.index)
		for i := range count {
			p.never[first+uint64(i)] = true
		}
	case codeStorage:
		c.w.cover.hit("storage error")
		if !m.anyFaults() {
			m.w.fail("client %d: produce to %v: a storage error without a fault", c.id, k)
		}
	case codeUnknown:
		if t := m.topic[k.topic]; !t.going {
			m.w.fail("client %d: %v is not known", c.id, k)
		}
	default:
		m.w.fail("client %d: produce to %v: code %d", c.id, k, code)
	}
}

// fetch reads a few partitions from where the client is, or from the start.
func (c *simClient) fetch() bool {
	m := c.w.model
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(c.w.rng.IntN(400)), 1, 64<<10
	if c.w.chance(20) {
		req.MinBytes = int32(c.w.rng.IntN(20_000))
	}
	if c.w.chance(20) {
		req.MaxBytes = int32(c.w.rng.IntN(4000))
	}
	req.SessionEpoch = -1
	from := map[simPart]int64{}
	for range 1 + c.w.rng.IntN(5) {
		k := c.somePart()
		if _, used := from[k]; used {
			continue
		}
		at := c.reader[k]
		if c.w.chance(5) {
			at = 0
		}
		from[k] = at
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = k.index, at, int32(1+c.w.rng.IntN(40_000)), -1
		i := 0
		for i < len(req.Topics) && req.Topics[i].Topic != k.topic {
			i++
		}
		if i == len(req.Topics) {
			t := kmsg.NewFetchRequestTopic()
			t.Topic = k.topic
			req.Topics = append(req.Topics, t)
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	peer := c.peer
	c.send(req, 11, func(resp kmsg.Response) {
		if resp == nil {
			return
		}
		r := resp.(*kmsg.FetchResponse)
		if r.ErrorCode != 0 {
			m.w.fail("client %d: fetch: code %d", c.id, r.ErrorCode)
		}
		for _, t := range r.Topics {
			for i := range t.Partitions {
				k := simPart{t.Topic, t.Partitions[i].Partition}
				at, ok := from[k]
				if !ok {
					m.w.fail("client %d: fetched %v, which was not asked for or twice", c.id, k)
				}
				delete(from, k)
				c.fetched(k, at, &t.Partitions[i], peer == c.peer)
			}
		}
		if len(from) > 0 {
			m.w.fail("client %d: fetch: no answer for %v", c.id, from)
		}
	})
	return true
}

func (c *simClient) fetched(k simPart, at int64, r *kmsg.FetchResponseTopicPartition, same bool) {
	m := c.w.model
	switch r.ErrorCode {
	case 0:
	case codeUnknown:
		if t := m.topic[k.topic]; !t.going {
			m.w.fail("client %d: %v is not known", c.id, k)
		}
		return
	case codeOutOfRange:
		// After a loss that the promise did not cover, or behind retention.
		if c.reader[k] = 0; m.retains() {
			c.reader[k] = max(m.startOf(k), 0)
		} else if len(m.part(k.topic, k.index).at) > 0 && at == 0 {
			m.w.fail("client %d: offset 0 of %v is out of range", c.id, k)
		}
		return
	case codeNotLeader:
		c.misrouted(k)
		return
	case codeStorage, codeExhausted:
		c.w.cover.hit("fetch refused")
		return
	default:
		m.w.fail("client %d: fetch of %v at %d: code %d", c.id, k, at, r.ErrorCode)
	}
	c.w.cover.hit("partition fetched")
	next := at
	for b := r.RecordBatches; len(b) > 0; {
		records, rest, err := takeBatch(b)
		if err != nil {
			if len(b) != len(r.RecordBatches) || next > at || len(r.RecordBatches) < 61 {
				break // the last one may be cut
			}
			break
		}
		b = rest
		for _, rec := range records {
			if rec.offset >= r.HighWatermark {
				m.w.fail("client %d: %v: offset %d fetched beyond the high watermark %d", c.id, k, rec.offset, r.HighWatermark)
			}
			if rec.offset > next {
				m.w.fail("client %d: %v: offset %d fetched, want %d", c.id, k, rec.offset, next)
			}
			next = max(next, rec.offset+1)
			m.bind(k.topic, k.index, rec.offset, rec.number, "fetched")
			c.w.cover.hit("record fetched")
		}
	}
	c.reader[k] = next
}

func (c *simClient) createTopic() bool {
	m := c.w.model
	if len(m.order) >= 5 {
		return false
	}
	m.names++
	t := &simTopic{name: fmt.Sprintf("t%d", m.names), parts: int32(1 + c.w.rng.IntN(4))}
	m.topic[t.name], m.order = t, append(m.order, t)
	req := kmsg.NewPtrCreateTopicsRequest()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = t.name, t.parts, 1
	req.Topics, req.TimeoutMillis = append(req.Topics, one), 1000
	c.send(req, 7, func(resp kmsg.Response) {
		if resp == nil {
			return
		}
		switch code := resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode; code {
		case 0:
			t.there = true
			c.w.cover.hit("topic created")
		case codeStorage:
			if !m.anyFaults() {
				why := resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorMessage
				m.w.cover.hit("topic refused for want of memory")
				m.w.note("topic %s: %v", t.name, *why)
			}
		default:
			m.w.fail("client %d: creating %s: code %d", c.id, t.name, code)
		}
	})
	return true
}

func (c *simClient) deleteTopic() bool {
	m := c.w.model
	topics := m.usable()
	if len(topics) < 2 {
		return false
	}
	t := topics[c.w.rng.IntN(len(topics))]
	if t.going {
		return false
	}
	t.going = true
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames, req.TimeoutMillis = []string{t.name}, 1000
	c.send(req, 4, func(resp kmsg.Response) {
		if resp == nil {
			return
		}
		switch code := resp.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode; code {
		case 0, codeUnknown:
			t.gone = true
			c.w.cover.hit("topic deleted")
		case codeStorage:
		default:
			m.w.fail("client %d: deleting %s: code %d", c.id, t.name, code)
		}
	})
	return true
}

func (c *simClient) addPartitions() bool {
	topics := c.w.model.usable()
	t := topics[c.w.rng.IntN(len(topics))]
	if t.going || t.parts >= 6 {
		return false
	}
	req := kmsg.NewPtrCreatePartitionsRequest()
	one := kmsg.NewCreatePartitionsRequestTopic()
	one.Topic, one.Count = t.name, t.parts+1
	req.Topics, req.TimeoutMillis = append(req.Topics, one), 1000
	want := t.parts + 1
	c.send(req, 1, func(resp kmsg.Response) {
		if resp == nil {
			return
		}
		if r := resp.(*kmsg.CreatePartitionsResponse); r.Topics[0].ErrorCode == 0 {
			t.parts = max(t.parts, want)
			c.w.cover.hit("partitions added")
		}
	})
	return true
}

func (c *simClient) listOffsets() bool {
	m := c.w.model
	k := c.somePart()
	req := kmsg.NewPtrListOffsetsRequest()
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = k.topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp, p.CurrentLeaderEpoch = k.index, -1, -1
	switch c.w.rng.IntN(3) {
	case 0:
		p.Timestamp = -2
	case 1: // by time: may read the device
		p.Timestamp = 1_700_000_000_000 + c.w.rng.Int64N(int64(m.next)+1)
	}
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	c.send(req, 5, func(resp kmsg.Response) {
		if resp == nil {
			return
		}
		r := resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
		if r.ErrorCode == 0 && p.Timestamp == -2 {
			if start := m.startOf(k); r.Offset > 0 && !m.retains() || start >= 0 && r.Offset > start {
				m.w.fail("client %d: %v starts at %d, its owner says %d", c.id, k, r.Offset, start)
			}
		}
	})
	return true
}
