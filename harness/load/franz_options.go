package load

import (
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ceteris/ceteris/workloads"
)

// option is one kgo option and how a result names it. The defaults would decide
// a comparison (10 ms of linger, snappy, a full buffer that blocks), so none is
// left to them.
type option struct {
	name, value string
	opt         kgo.Opt
}

const franzMaxBatchBytes = 1000012

func commonOptions(addr string) []option {
	return []option{
		{"seed.brokers", addr, kgo.SeedBrokers(addr)},
		{"client.id", clientID, kgo.ClientID(clientID)},
		{"dial.timeout", controlTimeout.String(), kgo.DialTimeout(controlTimeout)},
		{"conn.idle.timeout", "15m0s", kgo.ConnIdleTimeout(15 * time.Minute)},
		{"request.timeout.overhead", "10s", kgo.RequestTimeoutOverhead(10 * time.Second)},
		{"metadata.max.age", "1h0m0s", kgo.MetadataMaxAge(time.Hour)},
		{"metadata.min.age", "100ms", kgo.MetadataMinAge(100 * time.Millisecond)},
		{"request.retries", "0", kgo.RequestRetries(0)},
		{"client.metrics", "off", kgo.DisableClientMetrics()},
		{"broker.max.write.bytes", fmt.Sprint(100 << 20), kgo.BrokerMaxWriteBytes(100 << 20)},
		{"broker.max.read.bytes", fmt.Sprint(100 << 20), kgo.BrokerMaxReadBytes(100 << 20)},
	}
}

func producerOptions(o *Options) []option {
	acks, name := kgo.AllISRAcks(), "all"
	switch o.W.Acks {
	case 0:
		acks, name = kgo.NoAck(), "0"
	case 1:
		acks, name = kgo.LeaderAck(), "1"
	}
	timeout := requestTimeoutMs * time.Millisecond
	return []option{
		{"acks", name, kgo.RequiredAcks(acks)},
		{"idempotence", "off", kgo.DisableIdempotentWrite()},
		{"linger", "0", kgo.ProducerLinger(0)},
		{"compression", "none", kgo.ProducerBatchCompression(kgo.NoCompression())},
		{"partitioner", "manual", kgo.RecordPartitioner(kgo.ManualPartitioner())},
		{"inflight.per.broker", fmt.Sprint(o.W.Inflight), kgo.MaxProduceRequestsInflightPerBroker(o.W.Inflight)},
		{"batch.max.bytes", fmt.Sprint(franzMaxBatchBytes), kgo.ProducerBatchMaxBytes(franzMaxBatchBytes)},
		// Produce must not block the schedule.
		{"max.buffered.records", fmt.Sprint(math.MaxInt32), kgo.MaxBufferedRecords(math.MaxInt32)},
		{"max.buffered.bytes", "unlimited", kgo.MaxBufferedBytes(0)},
		{"produce.request.timeout", timeout.String(), kgo.ProduceRequestTimeout(timeout)},
		{"record.retries", "0", kgo.RecordRetries(0)},
		{"unknown.topic.retries", "0", kgo.UnknownTopicRetries(0)},
		{"record.delivery.timeout", "none", kgo.RecordDeliveryTimeout(0)},
	}
}

func consumerOptions(o *Options, cl *cluster) []option {
	assigned := map[string]map[int32]kgo.Offset{}
	for p, start := range cl.start {
		topic := cl.topics[p/o.W.Partitions]
		if assigned[topic] == nil {
			assigned[topic] = map[int32]kgo.Offset{}
		}
		assigned[topic][int32(p%o.W.Partitions)] = kgo.NewOffset().At(start)
	}
	wait := fetchMaxWaitMs * time.Millisecond
	return []option{
		{"consume.partitions", "all", kgo.ConsumePartitions(assigned)},
		{"consume.reset", "none", kgo.ConsumeResetOffset(kgo.NoResetOffset())},
		{"fetch.max.wait", wait.String(), kgo.FetchMaxWait(wait)},
		{"fetch.min.bytes", fmt.Sprint(fetchMinBytes), kgo.FetchMinBytes(fetchMinBytes)},
		{"fetch.max.bytes", fmt.Sprint(fetchMaxBytes), kgo.FetchMaxBytes(fetchMaxBytes)},
		{"fetch.partition.max.bytes", fmt.Sprint(fetchPartitionMax), kgo.FetchMaxPartitionBytes(fetchPartitionMax)},
		{"fetch.concurrent", "1", kgo.MaxConcurrentFetches(1)},
		{"fetch.isolation", "read_uncommitted", kgo.FetchIsolationLevel(kgo.ReadUncommitted())},
		{"fetch.session", "none", kgo.DisableFetchSessions()},
		{"fetch.crc.validation", "off: values are checked here", kgo.DisableFetchCRCValidation()},
	}
}

// newClient makes a client of some options and notes them in settings.
func newClient(settings map[string]string, groups ...[]option) (*kgo.Client, error) {
	var opts []kgo.Opt
	for _, group := range groups {
		for _, o := range group {
			opts = append(opts, o.opt)
			settings[o.name] = o.value
		}
	}
	c, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("load: franz-go: %w", err)
	}
	return c, nil
}

// franzSettings is what the options do not say.
func franzSettings(o *Options) map[string]string {
	return map[string]string{
		"clients":           fmt.Sprint(o.W.Connections),
		"records.per.batch": fmt.Sprintf("%d produced together; franz-go may join requests that wait", o.W.RecordsPerBatch),
		"timeout":           o.Timeout.String(),
		"driver":            workloads.Franz,
	}
}
