package probe

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Produce is a request of one record of 1 KiB for partition 0 of a topic.
func Produce(topic string) *kmsg.ProduceRequest {
	record := kmsg.NewRecord()
	record.Value = make([]byte, 1024)
	body := record.AppendTo(nil)[1:] // without the length, which a zero record has in one byte
	record.Length = int32(len(body))
	batch := kmsg.NewRecordBatch()
	batch.Magic, batch.NumRecords, batch.PartitionLeaderEpoch = 2, 1, -1
	batch.FirstTimestamp = time.Now().UnixMilli()
	batch.MaxTimestamp = batch.FirstTimestamp
	batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence = -1, -1, -1
	batch.Records = record.AppendTo(nil)
	raw := batch.AppendTo(nil)
	const length, crc, summed = 8, 17, 21 // offsets of fields in a batch
	binary.BigEndian.PutUint32(raw[length:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[crc:], crc32.Checksum(raw[summed:], crc32.MakeTable(crc32.Castagnoli)))

	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = raw
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.ProduceRequestTopicPartition{partition}
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(8)
	req.Acks, req.TimeoutMillis, req.Topics = -1, 5000, []kmsg.ProduceRequestTopic{t}
	return req
}
