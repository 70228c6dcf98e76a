package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func newTopic(name string, parts int32, factor int16) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, parts, factor
	return t
}

func withConfig(t kmsg.CreateTopicsRequestTopic, name string, value *string) kmsg.CreateTopicsRequestTopic {
	t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: name, Value: value})
	return t
}

func assigned(t kmsg.CreateTopicsRequestTopic, parts ...int32) kmsg.CreateTopicsRequestTopic {
	for i := 0; i < len(parts); i += 2 {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: parts[i], Replicas: parts[i+1 : i+2]})
	}
	return t
}

func TestCreateTopics(t *testing.T) {
	f := newFake(t, "num.partitions", "4")
	for _, c := range []struct {
		what  string
		topic kmsg.CreateTopicsRequestTopic
		parts int32
		code  int16
	}{
		{"plain", newTopic("a", 2, 1), 2, 0},
		{"defaults", newTopic("b", -1, -1), 4, 0},
		{"exists", newTopic("a", 2, 1), 0, kerr.TopicAlreadyExists.Code},
		{"name", newTopic("no/where", 2, 1), 0, kerr.InvalidTopicException.Code},
		{"no partitions", newTopic("c", 0, 1), 0, kerr.InvalidPartitions.Code},
		{"negative partitions", newTopic("c", -2, 1), 0, kerr.InvalidPartitions.Code},
		{"factor", newTopic("c", 1, 2), 0, kerr.InvalidReplicationFactor.Code},
		{"assignment", assigned(newTopic("c", -1, -1), 1, 1, 0, 1), 2, 0},
		{"assignment elsewhere", assigned(newTopic("d", -1, -1), 0, 2), 0, kerr.InvalidReplicaAssignment.Code},
		{"assignment with a gap", assigned(newTopic("d", -1, -1), 0, 1, 2, 1), 0, kerr.InvalidReplicaAssignment.Code},
		{"assignment twice", assigned(newTopic("d", -1, -1), 0, 1, 0, 1), 0, kerr.InvalidReplicaAssignment.Code},
		{"assignment and count", assigned(newTopic("d", 1, -1), 0, 1), 0, kerr.InvalidRequest.Code},
		{"config", withConfig(newTopic("d", 1, 1), "retention.ms", kmsg.StringPtr("1000")), 1, 0},
		{"unknown config", withConfig(newTopic("e", 1, 1), "retention", kmsg.StringPtr("1000")), 0, kerr.InvalidConfig.Code},
		{"bad config", withConfig(newTopic("e", 1, 1), "retention.ms", kmsg.StringPtr("long")), 0, kerr.InvalidConfig.Code},
		{"null config", withConfig(newTopic("e", 1, 1), "retention.ms", nil), 0, kerr.InvalidConfig.Code},
		{"what we do not do", withConfig(newTopic("e", 1, 1), "cleanup.policy", kmsg.StringPtr("squash")), 0, kerr.InvalidConfig.Code},
	} {
		for _, pretend := range []bool{true, false} {
			q := kmsg.NewPtrCreateTopicsRequest()
			q.Version, q.ValidateOnly, q.Topics = 7, pretend, []kmsg.CreateTopicsRequestTopic{c.topic}
			before := f.im
			r := f.ask(q).(*kmsg.CreateTopicsResponse).Topics[0]
			if r.ErrorCode != c.code || c.code != 0 && r.ErrorMessage == nil || c.code == 0 && r.NumPartitions != c.parts {
				t.Errorf("%s, validate-only %v: %+v", c.what, pretend, r)
			}
			if changed := f.im != before; changed != (!pretend && c.code == 0) {
				t.Errorf("%s, validate-only %v: changed the image: %v", c.what, pretend, changed)
			}
			if made := f.im.Topic([]byte(c.topic.Topic)); !pretend && c.code == 0 && (r.TopicID != made.ID || r.ReplicationFactor != 1) {
				t.Errorf("%s: id %x factor %d", c.what, r.TopicID, r.ReplicationFactor)
			}
		}
	}
}

func TestCreateTopicsNamedTwice(t *testing.T) {
	f := newFake(t)
	q := kmsg.NewPtrCreateTopicsRequest()
	q.Version, q.Topics = 5, []kmsg.CreateTopicsRequestTopic{newTopic("a", 1, 1), newTopic("b", 1, 1), newTopic("a", 2, 1)}
	r := f.ask(q).(*kmsg.CreateTopicsResponse).Topics
	if len(r) != 2 || r[0].ErrorCode != kerr.InvalidRequest.Code || r[1].ErrorCode != 0 || f.im.Topic([]byte("a")) != nil {
		t.Errorf("%+v", r)
	}
}

func TestDeleteTopics(t *testing.T) {
	f := newFake(t)
	for v := int16(1); v <= 6; v++ {
		f.topic("a", 1)
		b := f.topic("b", 1)
		q := kmsg.NewPtrDeleteTopicsRequest()
		q.Version, q.TopicNames = v, []string{"a", "nowhere", "b"}
		a := kmsg.StringPtr("a")
		q.Topics = []kmsg.DeleteTopicsRequestTopic{
			{Topic: a},
			{Topic: kmsg.StringPtr("nowhere")},
			{TopicID: b.ID},
			{TopicID: [16]byte{9}},
			{},
			{Topic: a, TopicID: b.ID},
		}
		want := []int16{0, kerr.UnknownTopicOrPartition.Code, 0, kerr.UnknownTopicID.Code, kerr.InvalidRequest.Code, kerr.InvalidRequest.Code}
		if v < 6 {
			want = want[:3]
		}
		r := f.ask(q).(*kmsg.DeleteTopicsResponse).Topics
		for i := range want {
			if len(r) != len(want) || r[i].ErrorCode != want[i] {
				t.Fatalf("v%d: %+v, want %v", v, r, want)
			}
		}
		if *r[2].Topic != "b" || len(f.im.Topics()) != 0 || len(f.parts) != 0 {
			t.Errorf("v%d: %+v, %d topics and %d partitions are left", v, r[2], len(f.im.Topics()), len(f.parts))
		}
	}
}

func TestCreatePartitions(t *testing.T) {
	f := newFake(t)
	f.topic("a", 2)
	elsewhere := []kmsg.CreatePartitionsRequestTopicAssignment{{Replicas: []int32{2}}}
	here := []kmsg.CreatePartitionsRequestTopicAssignment{{Replicas: []int32{1}}}
	for _, c := range []struct {
		what  string
		topic string
		count int32
		to    []kmsg.CreatePartitionsRequestTopicAssignment
		code  int16
	}{
		{"unknown", "b", 3, nil, kerr.UnknownTopicOrPartition.Code},
		{"fewer", "a", 1, nil, kerr.InvalidPartitions.Code},
		{"as many", "a", 2, nil, kerr.InvalidPartitions.Code},
		{"elsewhere", "a", 3, elsewhere, kerr.InvalidReplicaAssignment.Code},
		{"too many assignments", "a", 3, append(here, here...), kerr.InvalidReplicaAssignment.Code},
		{"here", "a", 3, here, 0},
		{"more", "a", 5, nil, 0},
	} {
		for _, pretend := range []bool{true, false} {
			q := kmsg.NewPtrCreatePartitionsRequest()
			q.Version, q.ValidateOnly = 3, pretend
			q.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: c.topic, Count: c.count, Assignment: c.to}}
			before := f.im
			r := f.ask(q).(*kmsg.CreatePartitionsResponse).Topics[0]
			if r.ErrorCode != c.code || (f.im != before) != (!pretend && c.code == 0) {
				t.Errorf("%s, validate-only %v: %+v", c.what, pretend, r)
			}
		}
	}
	if n := len(f.parts); n != 5 {
		t.Errorf("%d partitions, want 5", n)
	}
}
