package certify

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"runtime"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/harness/host"
)

// probeEvery is the pause between two round trips: few, so that the probe is no load.
const probeEvery = 5 * time.Millisecond

// roundTrips sends one produce request after the other on a connection of its
// own until a moment and returns how long each answer took. It is written with
// the standard library and kmsg and shares no line with the generator.
func roundTrips(addr string, cpus []int, until time.Time) (*hdr.Histogram, error) {
	type outcome struct {
		h   *hdr.Histogram
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		if len(cpus) > 0 {
			// Never unlocked: the thread dies with its binding.
			runtime.LockOSThread()
			if err := host.SetAffinity(cpus); err != nil {
				done <- outcome{err: err}
				return
			}
		}
		h, err := converse(addr, until)
		if err != nil {
			err = fmt.Errorf("probe: %w", err)
		}
		done <- outcome{h, err}
	}()
	o := <-done
	return o.h, o.err
}

func converse(addr string, until time.Time) (*hdr.Histogram, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(until.Add(10 * time.Second)); err != nil {
		return nil, err
	}
	h := hdr.New(1, int64(time.Minute), 3)
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("probe"))
	answer := make([]byte, 4096)
	for id := int32(0); time.Now().Before(until); id++ {
		request := format.AppendRequest(nil, produce(), id)
		begun := time.Now()
		if _, err := c.Write(request); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, answer[:4]); err != nil {
			return nil, err
		}
		n := int(binary.BigEndian.Uint32(answer))
		if n < 4 || n > len(answer) {
			return nil, fmt.Errorf("an answer of %d bytes", n)
		}
		if _, err := io.ReadFull(c, answer[:n]); err != nil {
			return nil, err
		}
		took := time.Since(begun)
		if got := int32(binary.BigEndian.Uint32(answer)); got != id {
			return nil, fmt.Errorf("answer %d, expected %d", got, id)
		}
		_ = h.RecordValue(max(int64(took), 1)) // the deadline keeps it in range
		time.Sleep(probeEvery)
	}
	return h, nil
}

// produce is a request of one record of 1 KiB for partition 0 of the load's topic.
func produce() *kmsg.ProduceRequest {
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
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.Partitions = "ceteris", []kmsg.ProduceRequestTopicPartition{partition}
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(9)
	req.Acks, req.TimeoutMillis, req.Topics = -1, 5000, []kmsg.ProduceRequestTopic{topic}
	return req
}
