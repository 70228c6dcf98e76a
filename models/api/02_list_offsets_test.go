package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/log"
)

// timed is a batch with one record for each timestamp.
func timed(ts ...int64) []byte {
	b := batch.NewBuilder(0, batch.CodecNone)
	for _, at := range ts {
		b.Append(at, nil, []byte("x"))
	}
	return append([]byte(nil), b.Close()...)
}

func TestListOffsets(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 2)
	f.produced(produceTo(13, topic, 0, timed(100, 300, 200)))
	f.part(topic, 0).LeaderEpoch = 4
	f.produced(produceTo(13, topic, 0, timed(250, 400)))
	for _, c := range []struct {
		name       string
		v          int16
		index      int32
		ts         int64
		offset, at int64
		epoch      int32
		code       int16
	}{
		{"latest", 1, 0, -1, 5, -1, 4, 0},
		{"earliest", 1, 0, -2, 0, -1, 0, 0},
		{"earliest of an empty log", 4, 1, -2, 0, -1, -1, 0},
		{"latest of an empty log", 4, 1, -1, 0, -1, 0, 0},
		{"largest timestamp", 7, 0, -3, 4, 400, 4, 0},
		{"largest timestamp of an empty log", 7, 1, -3, -1, -1, -1, 0},
		{"largest timestamp too early", 6, 0, -3, -1, -1, -1, kerr.UnsupportedVersion.Code},
		{"earliest local", 8, 0, -4, 0, -1, 0, 0},
		{"earliest local too early", 7, 0, -4, -1, -1, -1, kerr.UnsupportedVersion.Code},
		{"latest tiered", 9, 0, -5, -1, -1, -1, 0},
		{"latest tiered too early", 8, 0, -5, -1, -1, -1, kerr.UnsupportedVersion.Code},
		{"no such question", 10, 0, -6, -1, -1, -1, kerr.UnsupportedVersion.Code},
		{"first record", 1, 0, 0, 0, 100, 0, 0},
		{"inside a batch", 1, 0, 101, 1, 300, 0, 0},
		{"in the second batch", 10, 0, 301, 4, 400, 4, 0},
		{"after everything", 10, 0, 401, -1, -1, -1, 0},
		{"unknown partition", 10, 2, -1, -1, -1, -1, kerr.UnknownTopicOrPartition.Code},
	} {
		q := kmsg.NewPtrListOffsetsRequest()
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = c.index, c.ts
		q.Version, q.Topics = c.v, []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}}}
		r := f.ask(q).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
		if c.v < 4 {
			c.epoch = -1 // not in the response
		}
		if r.Offset != c.offset || r.Timestamp != c.at || r.ErrorCode != c.code || r.LeaderEpoch != c.epoch {
			t.Errorf("%s: offset %d at %d epoch %d code %d, want %d at %d epoch %d code %d",
				c.name, r.Offset, r.Timestamp, r.LeaderEpoch, r.ErrorCode, c.offset, c.at, c.epoch, c.code)
		}
	}
}

func TestListOffsetsRefusals(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 2)
	f.part(topic, 0).LeaderEpoch = 4
	ask := func(epoch int32, indexes ...int32) (codes []int16) {
		q := kmsg.NewPtrListOffsetsRequest()
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = "t"
		for _, i := range indexes {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp, p.CurrentLeaderEpoch = i, -1, epoch
			rt.Partitions = append(rt.Partitions, p)
		}
		q.Version, q.Topics = 10, []kmsg.ListOffsetsRequestTopic{rt}
		for _, p := range f.ask(q).(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
			codes = append(codes, p.ErrorCode)
		}
		return codes
	}
	if c := ask(3, 0); c[0] != kerr.FencedLeaderEpoch.Code {
		t.Errorf("older epoch: %d", c[0])
	}
	if c := ask(5, 0); c[0] != kerr.UnknownLeaderEpoch.Code {
		t.Errorf("newer epoch: %d", c[0])
	}
	if c := ask(-1, 0, 1, 0); c[0] != kerr.InvalidRequest.Code || c[1] != 0 || c[2] != kerr.InvalidRequest.Code {
		t.Errorf("asked twice: %d", c)
	}
	delete(f.parts, log.TP{Topic: "t", Index: 1})
	if c := ask(-1, 1); c[0] != kerr.NotLeaderForPartition.Code {
		t.Errorf("not here: %d", c[0])
	}
}

func TestListOffsetsCold(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 1)
	f.produced(produceTo(13, topic, 0, timed(100, 300, 200)))
	pk := &coldPeeker{seen: map[string]bool{}}
	f.pk = pk
	q := kmsg.NewPtrListOffsetsRequest()
	q.Version = 10
	q.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: 150, CurrentLeaderEpoch: -1}}}}
	r := f.ask(q).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
	if r.Offset != 1 || r.Timestamp != 300 || r.ErrorCode != 0 || len(pk.seen) == 0 {
		t.Errorf("after %d cold looks: %+v", len(pk.seen), r)
	}
}
