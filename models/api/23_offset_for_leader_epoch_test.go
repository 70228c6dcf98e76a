package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestOffsetForLeaderEpoch(t *testing.T) {
	f := newFake(t)
	topic := f.topic("t", 2)
	f.produced(produceTo(13, topic, 0, records(4, 1))) // epoch 0: offsets 0 to 3
	f.part(topic, 0).LeaderEpoch = 3                   // epoch 3 begins at 4
	f.produced(produceTo(13, topic, 0, records(2, 1)))
	f.part(topic, 0).LeaderEpoch = 7 // nothing was written in epoch 7 yet
	f.part(topic, 1).LeaderEpoch = 2 // and nothing at all here
	for _, c := range []struct {
		index, current, asked int32
		epoch                 int32
		end                   int64
		code                  int16
	}{
		{0, -1, 0, 0, 4, 0},
		{0, -1, 1, 0, 4, 0},
		{0, -1, 3, 3, 6, 0},
		{0, -1, 5, 3, 6, 0},
		{0, -1, 7, 7, 6, 0},
		{0, -1, 8, -1, -1, 0},
		{0, -1, -1, -1, -1, 0},
		{1, -1, 2, 2, 0, 0},
		{1, -1, 1, 1, 0, 0},
		{1, -1, 3, -1, -1, 0},
		{0, 7, 0, 0, 4, 0},
		{0, 6, 0, -1, -1, kerr.FencedLeaderEpoch.Code},
		{0, 8, 0, -1, -1, kerr.UnknownLeaderEpoch.Code},
		{2, -1, 0, -1, -1, kerr.UnknownTopicOrPartition.Code},
	} {
		for v := int16(2); v <= 4; v++ {
			q := kmsg.NewPtrOffsetForLeaderEpochRequest()
			p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = c.index, c.current, c.asked
			q.Version = v
			q.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}}}
			r := f.ask(q).(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions[0]
			if r.LeaderEpoch != c.epoch || r.EndOffset != c.end || r.ErrorCode != c.code {
				t.Errorf("v%d %+v: epoch %d end %d code %d", v, c, r.LeaderEpoch, r.EndOffset, r.ErrorCode)
			}
		}
	}
}
