package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
)

// OffsetForLeaderEpoch, key 23. Served 2-4.
//
// Behaviour: says where an epoch ended, so that a client can tell whether the
// log it read from is still the log there is (KIP-101, KIP-320). An epoch we
// never saw is answered with epoch and offset -1 and no error. Epochs fence as
// in Fetch.
//
// Versions: 2 carries the current leader epoch, 3 a replica id (KIP-392; no
// difference here), 4 is flexible.

type offsetForLeaderEpoch struct {
	partsOf[kmsg.OffsetForLeaderEpochResponseTopicPartition]
	asked []int32
	resp  *kmsg.OffsetForLeaderEpochResponse
}

func splitOffsetForLeaderEpoch(e *Env, in kmsg.Request) PartOp {
	req := in.(*kmsg.OffsetForLeaderEpochRequest)
	op := &offsetForLeaderEpoch{resp: req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)}
	for i := range req.Topics {
		t := &req.Topics[i]
		rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
		rt.Topic = t.Topic
		rt.Partitions = make([]kmsg.OffsetForLeaderEpochResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			p, r := &t.Partitions[j], &rt.Partitions[j]
			r.Default()
			r.Partition = p.Partition
			topic, code := e.find(t.Topic, p.Partition)
			if r.ErrorCode = code; code != 0 {
				continue
			}
			op.parts = append(op.parts, part[kmsg.OffsetForLeaderEpochResponseTopicPartition]{topic, p.Partition, p.CurrentLeaderEpoch, r})
			op.asked = append(op.asked, p.LeaderEpoch)
		}
		op.resp.Topics = append(op.resp.Topics, rt)
	}
	return op
}

func (op *offsetForLeaderEpoch) Apply(i int, p *partition.Partition, _ log.Peeker) (cold bool, at log.Extent) {
	pt := &op.parts[i]
	if pt.answer.ErrorCode = pt.refused(p); pt.answer.ErrorCode == 0 {
		pt.answer.LeaderEpoch, pt.answer.EndOffset = epochEnd(p, op.asked[i])
	}
	return false, at
}

// epochEnd is where an epoch ended. The log learns of an epoch with its first
// batch, but a leader knows from the start that its own began at the log's end.
func epochEnd(p *partition.Partition, epoch int32) (int32, int64) {
	known := p.Log.Epochs()
	last := int32(-1)
	if n := len(known); n > 0 {
		last = known[n-1].Epoch
	}
	switch {
	case epoch < 0 || epoch < last || epoch > p.LeaderEpoch:
		return p.Log.EpochEnd(epoch)
	case epoch == p.LeaderEpoch || last < 0:
		return epoch, p.Log.EndOffset()
	}
	return last, p.Log.EndOffset()
}

func (op *offsetForLeaderEpoch) Join() kmsg.Response { return op.resp }
