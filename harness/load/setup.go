package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// control is a blocking connection for what happens before the load.
type control struct {
	conn     net.Conn
	addr     string
	format   *kmsg.RequestFormatter
	next     int32
	versions map[int16][2]int16 // of the broker, by key
	timeout  time.Duration      // of one call
}

const (
	controlTimeout = 10 * time.Second
	leaderTimeout  = 30 * time.Second
	// partitionTime is what each partition adds to them: a directory and a file
	// are made, on a disk that others use.
	partitionTime = 10 * time.Millisecond
)

func dialControl(ctx context.Context, addr string) (*control, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("load: broker %s: %w", addr, err)
	}
	c := &control{conn: conn, addr: addr, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)), versions: map[int16][2]int16{}, timeout: controlTimeout}
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = 0 // the one version every broker answers
	resp, err := c.call(req)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	r := resp.(*kmsg.ApiVersionsResponse)
	if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("load: broker %s: ApiVersions: %w", addr, err)
	}
	for _, k := range r.ApiKeys {
		c.versions[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	return c, nil
}

// version picks the highest version of an API within [low, high] that the
// broker has.
func (c *control) version(key, low, high int16) (int16, error) {
	v, ok := c.versions[key]
	name := kmsg.NameForKey(key)
	if !ok {
		return 0, fmt.Errorf("load: broker %s does not serve %s", c.addr, name)
	}
	if v[1] < low || v[0] > high {
		return 0, fmt.Errorf("load: broker %s serves %s in versions %d to %d, want one of %d to %d", c.addr, name, v[0], v[1], low, high)
	}
	return min(high, v[1]), nil
}

// call sends one request and reads its response.
func (c *control) call(req kmsg.Request) (kmsg.Response, error) {
	name := kmsg.NameForKey(req.Key())
	fail := func(err error) (kmsg.Response, error) {
		return nil, fmt.Errorf("load: broker %s: %s: %w", c.addr, name, err)
	}
	c.next++
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return fail(err)
	}
	if _, err := c.conn.Write(c.format.AppendRequest(nil, req, c.next)); err != nil {
		return fail(err)
	}
	var head [4]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return fail(err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 4 || size > maxResponseBytes {
		return fail(fmt.Errorf("%w of %d bytes", errMalformed, size))
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		return fail(err)
	}
	if got := int32(binary.BigEndian.Uint32(body)); got != c.next {
		return fail(fmt.Errorf("correlation id: got %d, want %d", got, c.next))
	}
	body = body[4:]
	resp := req.ResponseKind()
	if resp.IsFlexible() && resp.Key() != 18 { // ApiVersions responses keep the old header
		rest := cursor{b: body}
		if rest.tags(); rest.bad {
			return fail(errMalformed)
		}
		body = rest.b
	}
	if err := resp.ReadFrom(body); err != nil {
		return fail(err)
	}
	return resp, nil
}

// cluster is what the load needs to know of the broker before it starts.
type cluster struct {
	topics []string
	// leader[p] is an index into addrs, p = topic*partitions + partition.
	leader []int
	addrs  []string
	// start[p] is the offset at which tail consumers begin.
	start          []int64
	produceVersion int16
	// metadataVersion is what a Metadata request of the load has.
	metadataVersion int16
}

// prepare creates the topics unless they are there, waits until every partition
// has a leader, and finds the ends of the logs.
func prepare(ctx context.Context, o *Options) (*cluster, error) {
	c, err := dialControl(ctx, o.Addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.conn.Close() }()
	c.timeout += time.Duration(o.W.Topics*o.W.Partitions) * partitionTime
	cl := &cluster{topics: o.topics()}
	if cl.produceVersion, err = c.version(produceKey, minProduceVersion, maxProduceVersion); err != nil {
		return nil, err
	}
	if _, err := c.version(fetchKey, fetchVersion, fetchVersion); err != nil && o.W.Consumers+len(o.W.Classes) > 0 {
		return nil, err
	}
	existed, err := c.createTopics(cl.topics, o.W.Partitions)
	if err != nil {
		return nil, err
	}
	if err := c.awaitLeaders(ctx, cl, o.W.Partitions); err != nil {
		return nil, err
	}
	cl.start = make([]int64, len(cl.leader))
	if existed {
		return cl, findEnds(ctx, cl, o.W.Partitions)
	}
	return cl, nil
}

// createTopics reports whether one of them existed before.
func (c *control) createTopics(topics []string, partitions int) (existed bool, err error) {
	req := kmsg.NewPtrCreateTopicsRequest()
	if req.Version, err = c.version(req.Key(), 2, 7); err != nil {
		return false, err
	}
	req.TimeoutMillis = int32(c.timeout / time.Millisecond)
	for _, t := range topics {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t, int32(partitions), 1
		req.Topics = append(req.Topics, rt)
	}
	resp, err := c.call(req)
	if err != nil {
		return false, err
	}
	for _, t := range resp.(*kmsg.CreateTopicsResponse).Topics {
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case errors.Is(err, kerr.TopicAlreadyExists):
			existed = true
		case err != nil:
			detail := ""
			if t.ErrorMessage != nil {
				detail = ": " + *t.ErrorMessage
			}
			return false, fmt.Errorf("load: create topic %s: %w%s", t.Topic, err, detail)
		}
	}
	return existed, nil
}

func (c *control) awaitLeaders(ctx context.Context, cl *cluster, partitions int) error {
	deadline := time.Now().Add(leaderTimeout + c.timeout)
	for {
		err := c.leaders(cl, partitions)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errNoLeader) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

var errNoLeader = errors.New("not every partition has a leader")

func (c *control) leaders(cl *cluster, partitions int) error {
	req := kmsg.NewPtrMetadataRequest()
	var err error
	if req.Version, err = c.version(req.Key(), 4, 12); err != nil {
		return err
	}
	cl.metadataVersion = req.Version
	req.AllowAutoTopicCreation = false
	for i := range cl.topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &cl.topics[i]
		req.Topics = append(req.Topics, t)
	}
	got, err := c.call(req)
	if err != nil {
		return err
	}
	resp := got.(*kmsg.MetadataResponse)
	nodes := map[int32]int{}
	cl.addrs = cl.addrs[:0]
	for _, b := range resp.Brokers {
		nodes[b.NodeID] = len(cl.addrs)
		cl.addrs = append(cl.addrs, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))))
	}
	cl.leader = make([]int, len(cl.topics)*partitions)
	for i := range cl.leader {
		cl.leader[i] = -1
	}
	for _, t := range resp.Topics {
		ti := index(cl.topics, t.Topic)
		if ti < 0 {
			continue
		}
		if len(t.Partitions) > partitions {
			return fmt.Errorf("load: topic %s exists with %d partitions, want %d", cl.topics[ti], len(t.Partitions), partitions)
		}
		for _, p := range t.Partitions {
			if node, ok := nodes[p.Leader]; ok && p.ErrorCode == 0 && p.Partition >= 0 && int(p.Partition) < partitions {
				cl.leader[ti*partitions+int(p.Partition)] = node
			}
		}
	}
	for p, l := range cl.leader {
		if l < 0 {
			return fmt.Errorf("load: partition %d of topic %s: %w", p%partitions, cl.topics[p/partitions], errNoLeader)
		}
	}
	return nil
}

func index(topics []string, name *string) int {
	for i := range topics {
		if name != nil && topics[i] == *name {
			return i
		}
	}
	return -1
}

// findEnds asks every leader for the ends of its logs, for topics that had
// records before this run.
func findEnds(ctx context.Context, cl *cluster, partitions int) error {
	for node, addr := range cl.addrs {
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID = -1
		for ti, name := range cl.topics {
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = name
			for p := range partitions {
				if cl.leader[ti*partitions+p] != node {
					continue
				}
				rp := kmsg.NewListOffsetsRequestTopicPartition()
				rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch = int32(p), -1, -1
				t.Partitions = append(t.Partitions, rp)
			}
			if len(t.Partitions) > 0 {
				req.Topics = append(req.Topics, t)
			}
		}
		if len(req.Topics) == 0 {
			continue
		}
		if err := listOffsets(ctx, addr, req, cl, partitions); err != nil {
			return err
		}
	}
	return nil
}

func listOffsets(ctx context.Context, addr string, req *kmsg.ListOffsetsRequest, cl *cluster, partitions int) error {
	c, err := dialControl(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	if req.Version, err = c.version(req.Key(), 1, 7); err != nil {
		return err
	}
	got, err := c.call(req)
	if err != nil {
		return err
	}
	for _, t := range got.(*kmsg.ListOffsetsResponse).Topics {
		ti := index(cl.topics, &t.Topic)
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("load: end of topic %s partition %d: %w", t.Topic, p.Partition, err)
			}
			if ti < 0 || p.Partition < 0 || int(p.Partition) >= partitions {
				return fmt.Errorf("load: broker %s: ListOffsets: %w: it names topic %q partition %d", addr, errMalformed, t.Topic, p.Partition)
			}
			cl.start[ti*partitions+int(p.Partition)] = p.Offset
		}
	}
	return nil
}
