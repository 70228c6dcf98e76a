package api

import (
	"math"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/wire"
)

func askMetadata(v int16, names ...string) *kmsg.MetadataRequest {
	q := kmsg.NewPtrMetadataRequest()
	q.Version = v
	for _, n := range names {
		q.Topics = append(q.Topics, kmsg.MetadataRequestTopic{Topic: kmsg.StringPtr(n)})
	}
	return q
}

func (f *fakeBroker) metadata(q *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	f.t.Helper()
	return f.ask(q).(*kmsg.MetadataResponse)
}

func TestMetadataLists(t *testing.T) {
	f := newFake(t)
	f.topic("b", 2)
	a := f.topic("a", 1)
	for v := int16(0); v <= 13; v++ {
		m := f.metadata(askMetadata(v))
		if len(m.Topics) != 2 || *m.Topics[0].Topic != "a" || len(m.Topics[1].Partitions) != 2 {
			t.Fatalf("v%d: %+v", v, m.Topics)
		}
		if len(m.Brokers) != 1 || m.Brokers[0].NodeID != 1 || m.Brokers[0].Port != 9092 {
			t.Errorf("v%d: brokers %+v", v, m.Brokers)
		}
		if v >= 1 && m.ControllerID != 1 || v >= 2 && *m.ClusterID != "testtesttesttesttestte" {
			t.Errorf("v%d: controller %d cluster %v", v, m.ControllerID, m.ClusterID)
		}
		if m.AuthorizedOperations != math.MinInt32 || m.Topics[0].AuthorizedOperations != math.MinInt32 {
			t.Errorf("v%d: authorized operations that nobody asked for", v)
		}
		p := m.Topics[1].Partitions[1]
		if p.Partition != 1 || p.Leader != 1 || !slices.Equal(p.Replicas, []int32{1}) || !slices.Equal(p.ISR, []int32{1}) || p.ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, p)
		}
		if v >= 10 && m.Topics[0].TopicID != a.ID {
			t.Errorf("v%d: id %x", v, m.Topics[0].TopicID)
		}
	}
	q := askMetadata(1)
	q.Topics = []kmsg.MetadataRequestTopic{}
	if m := f.metadata(q); len(m.Topics) != 0 {
		t.Errorf("an empty list got %d topics", len(m.Topics))
	}
	q = askMetadata(8, "a")
	q.IncludeClusterAuthorizedOperations, q.IncludeTopicAuthorizedOperations = true, true
	if m := f.metadata(q); m.AuthorizedOperations != 0x1fa0 || m.Topics[0].AuthorizedOperations != 0x0df8 {
		t.Errorf("authorized operations %x and %x", m.AuthorizedOperations, m.Topics[0].AuthorizedOperations)
	}
}

func TestMetadataCreates(t *testing.T) {
	f := newFake(t, "num.partitions", "3")
	for _, c := range []struct {
		name  string
		v     int16
		allow bool
		topic string
		place Place
		code  int16
	}{
		{"not allowed", 4, false, "x", Anywhere, kerr.UnknownTopicOrPartition.Code},
		{"allowed", 4, true, "x", Controller, 0},
		{"there already", 4, true, "x", Anywhere, 0},
		{"old versions mean it", 3, false, "y", Controller, 0},
		{"impossible name", 9, true, "no/where", Controller, kerr.InvalidTopicException.Code},
		{"collides with another", 9, true, "x.y", Controller, 0},
		{"collides", 9, true, "x_y", Controller, kerr.InvalidTopicException.Code},
	} {
		q := askMetadata(c.v, c.topic)
		q.AllowAutoTopicCreation = c.allow
		if p := Lookup(3).PlaceOf(f.env, q); p != c.place {
			t.Errorf("%s: place %v, want %v", c.name, p, c.place)
		}
		m := f.metadata(q)
		if m.Topics[0].ErrorCode != c.code || c.code == 0 && len(m.Topics[0].Partitions) != 3 {
			t.Errorf("%s: %+v", c.name, m.Topics[0])
		}
	}
	f = newFake(t, "auto.create.topics.enable", "false")
	q := askMetadata(9, "x")
	q.AllowAutoTopicCreation = true
	if m := f.metadata(q); m.Topics[0].ErrorCode != kerr.UnknownTopicOrPartition.Code || Lookup(3).PlaceOf(f.env, q) != Anywhere {
		t.Errorf("the broker does not allow it: %+v", m.Topics[0])
	}
}

func TestMetadataByID(t *testing.T) {
	f := newFake(t)
	a := f.topic("a", 1)
	for _, c := range []struct {
		v    int16
		id   [16]byte
		name *string
		code int16
	}{
		{12, a.ID, nil, 0},
		{13, a.ID, nil, 0},
		{12, [16]byte{9}, nil, kerr.UnknownTopicID.Code},
		{10, a.ID, nil, kerr.InvalidRequest.Code},
		{11, a.ID, kmsg.StringPtr("a"), kerr.InvalidRequest.Code},
	} {
		q := askMetadata(c.v)
		q.Topics = []kmsg.MetadataRequestTopic{{TopicID: c.id, Topic: c.name}}
		m := f.metadata(q).Topics[0]
		if m.ErrorCode != c.code || c.code == 0 && *m.Topic != "a" {
			t.Errorf("v%d %x: %+v", c.v, c.id[:1], m)
		}
	}
}

// With direct routing each shard is a broker to clients, and a partition's
// leader is the shard that owns it.
func TestMetadataDirectRouting(t *testing.T) {
	f := newFake(t)
	topic := f.topic("a", 2)
	topic.Parts[1].Owner = 1
	f.env.Direct, f.env.Nodes = true, []wire.Node{{ID: 1, Host: "localhost", Port: 9092}, {ID: 1001, Host: "localhost", Port: 9093}}
	m := f.metadata(askMetadata(13, "a"))
	p := m.Topics[0].Partitions
	if len(m.Brokers) != 2 || p[0].Leader != 1 || p[1].Leader != 1001 || p[1].Replicas[0] != 1001 || p[1].ISR[0] != 1001 {
		t.Errorf("%+v", m)
	}
}

func TestDescribeCluster(t *testing.T) {
	f := newFake(t)
	for v := int16(0); v <= 2; v++ {
		q := kmsg.NewPtrDescribeClusterRequest()
		q.Version = v
		r := f.ask(q).(*kmsg.DescribeClusterResponse)
		if r.ErrorCode != 0 || r.ClusterID != f.env.ClusterID || r.ControllerID != 1 || len(r.Brokers) != 1 || r.ClusterAuthorizedOperations != math.MinInt32 {
			t.Errorf("v%d: %+v", v, r)
		}
		q.IncludeClusterAuthorizedOperations = true
		if r := f.ask(q).(*kmsg.DescribeClusterResponse); r.ClusterAuthorizedOperations != clusterOperations {
			t.Errorf("v%d: operations %x", v, r.ClusterAuthorizedOperations)
		}
	}
	for kind, want := range map[int8]int16{2: kerr.MismatchedEndpointType.Code, 3: kerr.UnsupportedEndpointType.Code} {
		q := kmsg.NewPtrDescribeClusterRequest()
		q.Version, q.EndpointType = 1, kind
		if r := f.ask(q).(*kmsg.DescribeClusterResponse); r.ErrorCode != want {
			t.Errorf("endpoint type %d: %+v", kind, r)
		}
	}
}

func TestFindCoordinator(t *testing.T) {
	f := newFake(t)
	for v := int16(0); v <= 6; v++ {
		q := kmsg.NewPtrFindCoordinatorRequest()
		q.Version, q.CoordinatorKey, q.CoordinatorKeys = v, "g", []string{"g", "h"}
		r := f.ask(q).(*kmsg.FindCoordinatorResponse)
		if v < 4 {
			if r.ErrorCode != kerr.CoordinatorNotAvailable.Code || r.NodeID != -1 {
				t.Errorf("v%d: %+v", v, r)
			}
			continue
		}
		if len(r.Coordinators) != 2 || r.Coordinators[1].Key != "h" || r.Coordinators[1].ErrorCode != kerr.CoordinatorNotAvailable.Code {
			t.Errorf("v%d: %+v", v, r.Coordinators)
		}
	}
}

func TestInitProducerID(t *testing.T) {
	f := newFake(t)
	seen := map[int64]bool{}
	for v := int16(0); v <= 5; v++ {
		q := kmsg.NewPtrInitProducerIDRequest()
		q.Version = v
		r := f.ask(q).(*kmsg.InitProducerIDResponse)
		if r.ErrorCode != 0 || r.ProducerEpoch != 0 || seen[r.ProducerID] {
			t.Errorf("v%d: %+v", v, r)
		}
		seen[r.ProducerID] = true
		for id, want := range map[string]int16{"": kerr.InvalidRequest.Code, "t": kerr.TransactionalIDAuthorizationFailed.Code} {
			q.TransactionalID = &id
			if r := f.ask(q).(*kmsg.InitProducerIDResponse); r.ErrorCode != want || r.ProducerID != -1 || r.ProducerEpoch != -1 {
				t.Errorf("v%d transactional id %q: %+v", v, id, r)
			}
		}
	}
}
