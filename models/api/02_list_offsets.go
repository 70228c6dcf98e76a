package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
)

// ListOffsets, key 2. Served 1-10.
//
// Behaviour:
//   - Timestamps below 0 are questions of their own: -1 latest (the high
//     watermark, which without transactions is the last stable offset too), -2
//     earliest, -3 the record with the largest timestamp, -4 earliest local
//     (there is nothing but local), -5 latest tiered (there is none: -1).
//   - Others find the first record at or after the timestamp, below the high
//     watermark; offset and timestamp are -1 when there is none.
//   - A question that the version does not know is UNSUPPORTED_VERSION, a
//     partition asked twice INVALID_REQUEST.
//   - Epochs fence as in Fetch.
//
// Versions: 2 isolation, 4 epochs (KIP-320), 6 flexible, 7 question -3 (KIP-734),
// 8 question -4 (KIP-405), 9 question -5 (KIP-1005), 10 a time limit (KIP-1075).

// The questions, with the first version that knows each.
const (
	askLatest        = -1
	askEarliest      = -2
	askMaxTimestamp  = -3 // since 7
	askEarliestLocal = -4 // since 8
	askLatestTiered  = -5 // since 9
)

func askKnown(ts int64, version int16) bool {
	switch {
	case ts >= askEarliest:
		return true
	case ts == askMaxTimestamp:
		return version >= 7
	case ts == askEarliestLocal:
		return version >= 8
	case ts == askLatestTiered:
		return version >= 9
	}
	return false
}

type listOffsets struct {
	partsOf[kmsg.ListOffsetsResponseTopicPartition]
	asked []int64
	resp  *kmsg.ListOffsetsResponse
}

func splitListOffsets(e *Env, in kmsg.Request) PartOp {
	req := in.(*kmsg.ListOffsetsRequest)
	op := &listOffsets{resp: req.ResponseKind().(*kmsg.ListOffsetsResponse)}
	type key struct {
		topic string
		index int32
	}
	seen := map[key]int{}
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			seen[key{req.Topics[i].Topic, req.Topics[i].Partitions[j].Partition}]++
		}
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		rt := kmsg.NewListOffsetsResponseTopic()
		rt.Topic = t.Topic
		rt.Partitions = make([]kmsg.ListOffsetsResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			p, r := &t.Partitions[j], &rt.Partitions[j]
			r.Default()
			r.Partition = p.Partition
			topic, code := e.find(t.Topic, p.Partition)
			switch {
			case seen[key{t.Topic, p.Partition}] > 1:
				r.ErrorCode = codeInvalidRequest
			case !askKnown(p.Timestamp, req.Version):
				r.ErrorCode = codeUnsupportedVersion
			case code != 0:
				r.ErrorCode = code
			default:
				op.parts = append(op.parts, part[kmsg.ListOffsetsResponseTopicPartition]{topic, p.Partition, p.CurrentLeaderEpoch, r})
				op.asked = append(op.asked, p.Timestamp)
			}
		}
		op.resp.Topics = append(op.resp.Topics, rt)
	}
	return op
}

func (op *listOffsets) Apply(i int, p *partition.Partition, pk log.Peeker) (cold bool, at log.Extent) {
	pt := &op.parts[i]
	r := pt.answer
	if r.ErrorCode = pt.refused(p); r.ErrorCode != 0 {
		return false, at
	}
	switch asked := op.asked[i]; asked {
	case askLatest:
		r.Offset, r.LeaderEpoch = p.HighWatermark().Offset, p.LeaderEpoch
	case askEarliest, askEarliestLocal:
		r.Offset = p.Log.StartOffset()
		if known := p.Log.Epochs(); len(known) > 0 && known[0].Start <= r.Offset {
			r.LeaderEpoch = known[0].Epoch
		}
	case askLatestTiered:
	default:
		var code int16
		r.Offset, r.Timestamp, r.LeaderEpoch, code = p.Log.OffsetForTimestamp(asked, p.HighWatermark(), pk, &at)
		if code != 0 {
			r.Offset, r.Timestamp, r.LeaderEpoch = noOffset, -1, -1
			if code == log.CodeCold {
				return true, at
			}
			r.ErrorCode = code
		}
	}
	return false, at
}

func (op *listOffsets) Join() kmsg.Response { return op.resp }
