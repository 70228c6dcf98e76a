package modeltest

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where each shard is a broker of its own (routing=direct), a tape does what
// clients do: it asks who leads the partitions, sends each leader the part of a
// request that is its own, over a connection of its own, and puts the answers
// together. Questions that any broker answers go to the first.
//
// What was put together is compared in what the script says of it, not byte for
// byte: limits hold for each leader and sessions are each leader's own. Neither
// are answers that name brokers. Everything else has to be the same as from one.

// leg is what one broker is asked of a question.
type leg struct {
	net net.Conn
	req kmsg.Request
}

// partKey is a partition as a request names it.
type partKey struct {
	name  string
	id    [16]byte
	index int32
}

func keyOf(byID bool, name string, id [16]byte, index int32) partKey {
	if byID {
		return partKey{id: id, index: index}
	}
	return partKey{name: name, index: index}
}

// leaders asks for the address of every partition's leader.
func (t *Tape) leaders() map[partKey]string {
	t.T.Helper()
	fail := func(err error) map[partKey]string {
		t.T.Fatalf("who leads what: %v", err)
		return nil
	}
	if t.asker == nil {
		c, err := net.Dial("tcp", t.Addr)
		if err != nil {
			return fail(err)
		}
		t.asker = c
		t.T.Cleanup(func() { c.Close() })
	}
	req := kmsg.NewPtrMetadataRequest()
	if _, err := t.asker.Write(Frame(req, 12, 1)); err != nil {
		return fail(err)
	}
	if err := t.asker.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		return fail(err)
	}
	frame, err := ReadFrame(t.asker)
	if err != nil {
		return fail(err)
	}
	resp, _, err := Decode(req, frame)
	if err != nil {
		return fail(err)
	}
	m := resp.(*kmsg.MetadataResponse)
	addrs := map[int32]string{}
	for _, b := range m.Brokers {
		addrs[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	out := map[partKey]string{}
	for _, topic := range m.Topics {
		for _, p := range topic.Partitions {
			if addrs[p.Leader] == "" {
				return fail(fmt.Errorf("partition %s-%d is led by node %d, which is not among %v", *topic.Topic, p.Partition, p.Leader, addrs))
			}
			out[keyOf(false, *topic.Topic, topic.TopicID, p.Partition)] = addrs[p.Leader]
			out[keyOf(true, *topic.Topic, topic.TopicID, p.Partition)] = addrs[p.Leader]
		}
	}
	return out
}

// Together is the i-th of the partitions whose leader is partition 0's: i where
// one broker leads all. Elsewhere what follows is not compared, because it names
// other partitions.
func (t *Tape) Together(topic topicRef, i int32) int32 {
	t.T.Helper()
	if !t.Direct {
		return i
	}
	t.apart = true
	lead := t.leaders()
	for index := int32(0); ; index++ {
		addr, ok := lead[keyOf(false, topic.name, topic.id, index)]
		if !ok {
			return index + i // as unknown as the one that was meant
		}
		if addr == lead[keyOf(false, topic.name, topic.id, 0)] {
			if i == 0 {
				return index
			}
			i--
		}
	}
}

// to is the connection to a broker.
func (c *Conn) to(addr string) net.Conn {
	c.tape.T.Helper()
	if addr == "" || addr == c.tape.Addr {
		return c.net
	}
	if c.others[addr] == nil {
		n, err := net.Dial("tcp", addr)
		if err != nil {
			c.fatalf("dial a leader: %v", err)
		}
		if c.others == nil {
			c.others = map[string]net.Conn{}
		}
		c.others[addr] = n
	}
	return c.others[addr]
}

// legs cuts a request by leader, in the order in which it names them.
func (c *Conn) legs(version int16, req kmsg.Request) []leg {
	c.tape.T.Helper()
	if !c.tape.Direct {
		return []leg{{c.net, req}}
	}
	switch req := req.(type) {
	case *kmsg.ProduceRequest:
		return c.produceLegs(version >= 13, req)
	case *kmsg.FetchRequest:
		if req.SessionID != 0 {
			return []leg{{c.to(c.tape.sessions[req.SessionID]), req}}
		}
		return c.fetchLegs(version >= 13, req)
	}
	return []leg{{c.net, req}}
}

func (c *Conn) produceLegs(byID bool, req *kmsg.ProduceRequest) []leg {
	c.tape.T.Helper()
	lead, by := c.tape.leaders(), map[string]*kmsg.ProduceRequest{}
	var legs []leg
	for i := range req.Topics {
		t := &req.Topics[i]
		for _, p := range t.Partitions {
			addr := lead[keyOf(byID, t.Topic, t.TopicID, p.Partition)]
			part := by[addr]
			if part == nil {
				part = new(kmsg.ProduceRequest)
				*part = *req
				part.Topics, by[addr] = nil, part
				legs = append(legs, leg{c.to(addr), part})
			}
			if n := len(part.Topics); n == 0 || part.Topics[n-1].Topic != t.Topic || part.Topics[n-1].TopicID != t.TopicID {
				rt := *t
				rt.Partitions = nil
				part.Topics = append(part.Topics, rt)
			}
			last := &part.Topics[len(part.Topics)-1]
			last.Partitions = append(last.Partitions, p)
		}
	}
	return c.whole(legs, req)
}

func (c *Conn) fetchLegs(byID bool, req *kmsg.FetchRequest) []leg {
	c.tape.T.Helper()
	lead, by := c.tape.leaders(), map[string]*kmsg.FetchRequest{}
	var legs []leg
	for i := range req.Topics {
		t := &req.Topics[i]
		for _, p := range t.Partitions {
			addr := lead[keyOf(byID, t.Topic, t.TopicID, p.Partition)]
			part := by[addr]
			if part == nil {
				part = new(kmsg.FetchRequest)
				*part = *req
				// Nobody can say when the leaders together have enough: answer asks
				// again until they have.
				part.Topics, part.MaxWaitMillis, by[addr] = nil, 0, part
				legs = append(legs, leg{c.to(addr), part})
			}
			if n := len(part.Topics); n == 0 || part.Topics[n-1].Topic != t.Topic || part.Topics[n-1].TopicID != t.TopicID {
				rt := *t
				rt.Partitions = nil
				part.Topics = append(part.Topics, rt)
			}
			last := &part.Topics[len(part.Topics)-1]
			last.Partitions = append(last.Partitions, p)
		}
	}
	return c.whole(legs, req)
}

// whole leaves a request that one broker can answer as it is.
func (c *Conn) whole(legs []leg, req kmsg.Request) []leg {
	switch len(legs) {
	case 0:
		return []leg{{c.net, req}}
	case 1:
		return []leg{{legs[0].net, req}}
	}
	return legs
}

// gather answers a question of several legs.
func (c *Conn) gather(q *question) (kmsg.Response, error) {
	c.tape.T.Helper()
	began := time.Now()
	for {
		var all []kmsg.Response
		for _, l := range q.legs {
			frame, err := readFrom(l.net)
			if err != nil {
				return nil, err
			}
			resp, corr, err := Decode(l.req, frame)
			if err != nil || corr != q.corr {
				return nil, fmt.Errorf("correlation id %d, want %d, %w", corr, q.corr, err)
			}
			all = append(all, resp)
		}
		if req, ok := q.req.(*kmsg.ProduceRequest); ok {
			return mergeProduce(req, all), nil
		}
		req := q.req.(*kmsg.FetchRequest)
		resp, enough := mergeFetch(req, all)
		if enough || time.Since(began) >= time.Duration(req.MaxWaitMillis)*time.Millisecond {
			return resp, nil
		}
		time.Sleep(time.Millisecond)
		for _, l := range q.legs {
			if _, err := l.net.Write(Frame(l.req, req.Version, q.corr)); err != nil {
				return nil, err
			}
		}
	}
}

func mergeProduce(req *kmsg.ProduceRequest, all []kmsg.Response) kmsg.Response {
	by := map[partKey]kmsg.ProduceResponseTopicPartition{}
	byID := req.Version >= 13
	for _, r := range all {
		for _, t := range r.(*kmsg.ProduceResponse).Topics {
			for _, p := range t.Partitions {
				by[keyOf(byID, t.Topic, t.TopicID, p.Partition)] = p
			}
		}
	}
	out := *all[0].(*kmsg.ProduceResponse)
	out.Topics = nil
	for _, t := range req.Topics {
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rt.Partitions = append(rt.Partitions, by[keyOf(byID, t.Topic, t.TopicID, p.Partition)])
		}
		out.Topics = append(out.Topics, rt)
	}
	return &out
}

func mergeFetch(req *kmsg.FetchRequest, all []kmsg.Response) (resp kmsg.Response, enough bool) {
	by := map[partKey]kmsg.FetchResponseTopicPartition{}
	byID, bytes := req.Version >= 13, 0
	for _, r := range all {
		for _, t := range r.(*kmsg.FetchResponse).Topics {
			for _, p := range t.Partitions {
				by[keyOf(byID, t.Topic, t.TopicID, p.Partition)] = p
				bytes += len(p.RecordBatches)
				enough = enough || p.ErrorCode != 0
			}
		}
	}
	out := *all[0].(*kmsg.FetchResponse)
	out.Topics = nil
	for _, t := range req.Topics {
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			rt.Partitions = append(rt.Partitions, by[keyOf(byID, t.Topic, t.TopicID, p.Partition)])
		}
		out.Topics = append(out.Topics, rt)
	}
	return &out, enough || bytes >= int(req.MinBytes)
}

// remember notes which broker has a session.
func (t *Tape) remember(q *question, resp kmsg.Response) {
	r, ok := resp.(*kmsg.FetchResponse)
	if !ok || !t.Direct || r.SessionID == 0 || len(q.legs) != 1 {
		return
	}
	if t.sessions == nil {
		t.sessions = map[int32]string{}
	}
	t.sessions[r.SessionID] = q.legs[0].net.RemoteAddr().String()
}

// session is the number of a fetch session on this tape: its id begins anywhere.
func (t *Tape) session(id int32) int {
	if t.numbers == nil {
		t.numbers = map[int32]int{}
	}
	if t.numbers[id] == 0 {
		t.numbers[id] = len(t.numbers) + 1
	}
	return t.numbers[id]
}

// renumber puts that in the place of the id, so that answers can be compared.
func (t *Tape) renumber(resp kmsg.Response, frame []byte) {
	r, ok := resp.(*kmsg.FetchResponse)
	if !ok || r.Version < 7 || r.SessionID == 0 {
		return
	}
	at := 4 + 4 + 2 // behind correlation id, throttle time and error
	if r.IsFlexible() {
		at++ // and the header's tags, of which there are none
	}
	binary.BigEndian.PutUint32(frame[at:], uint32(t.session(r.SessionID)))
}

// namesBrokers reports whether an answer says who the brokers are.
func namesBrokers(req kmsg.Request) bool {
	switch req.(type) {
	case *kmsg.MetadataRequest, *kmsg.DescribeClusterRequest:
		return true
	}
	return false
}
