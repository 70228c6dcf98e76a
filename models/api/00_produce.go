package api

import (
	"fmt"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
	"github.com/ceteris/ceteris/models/wire"
)

// Produce, key 0. Advertised 0-13, served 3-13.
//
// Behaviour:
//   - Every partition takes exactly one record batch of format 2; all partitions
//     are answered on their own, an error in one leaves the others alone.
//   - acks 1 and -1 are answered when the broker's durability promise holds for
//     the batch, which with one replica is the same thing. acks 0 is never
//     answered; an error closes the connection. Any other acks is
//     INVALID_REQUIRED_ACKS for every partition.
//   - A batch that an idempotent producer sent before is answered with its
//     original offset, and only once that is durable.
//   - Transactions are refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which
//     clients take as final, and a message that says why.
//
// Versions:
//   - 0-2 carry message sets, which no client since Kafka 0.11 sends. They stay
//     advertised because librdkafka before 2.11 takes the absence of version 0
//     for a broker that cannot decompress, and then does not compress
//     (KAFKA-18659). A request in these versions closes the connection.
//   - 5 adds the log start offset, 7 zstd (KIP-110), 8 messages (KIP-467).
//   - 9 is flexible. 10 says where the leader is (KIP-951).
//   - 11 and 12 are about transactions (KIP-890). 13 names topics by id (KIP-516).

// firstZstd is the first version whose clients know zstd.
const firstZstd = 7

// Produce is one Produce request on its way through the broker. It is reused:
// Split overwrites what the last request left. It keeps no byte of the frame
// but the records that its parts alias.
type Produce struct {
	Env       *Env
	Version   int16
	Acks      int16
	TimeoutMs int32
	Parts     []ProducePart // in request order
	// ThrottleMs tells the client how long it will not be read from. Split
	// clears it.
	ThrottleMs int32

	topics []topicSpan
	names  []byte
	in     produceInput
	out    wire.ProduceResponse
	put    produceOutput
}

// topicSpan is a topic of a request and how many successive parts it has.
type topicSpan struct {
	name  []byte
	id    [16]byte
	parts int
}

// ProducePart is what is produced to one partition. The owner of the partition
// writes it between Split and AppendResponse; nobody else looks meanwhile.
type ProducePart struct {
	Topic   *cluster.Topic // nil when unknown, and then Done
	Index   int32
	Owner   int32
	Records []byte // aliases the frame; Apply patches offsets into it

	Err             int16
	ErrMsg          string
	BaseOffset      int64
	LogAppendTimeMs int64
	LogStartOffset  int64
	// Done means answered: nothing is left to do or to wait for.
	Done bool
	// NeedOffset is what the high watermark must reach before Finish, -1 when
	// nothing was appended.
	NeedOffset int64

	version             int16
	leader, leaderEpoch int32

	// Last, because nobody looks at them when the part is answered, and thousands
	// of parts that wait fill no cache with them.
	Header batch.Header
	Append log.Append
}

// Split cuts the request by partition. Parts that cannot be appended whatever
// the partition says are Done.
func (op *Produce) Split(req *wire.ProduceRequest, im *cluster.Image) {
	op.Begin(req, im)
	for op.SplitSome(allAtOnce) {
	}
}

// Reset forgets the frame and the metadata that the last request referred to.
func (op *Produce) Reset() {
	for i := range op.Parts { // what add does not set anew is what refers to something
		pp := &op.Parts[i]
		pp.Topic, pp.Records, pp.ErrMsg, pp.Append.Seg = nil, nil, "", nil
	}
	op.Parts, op.topics, op.names = op.Parts[:0], op.topics[:0], op.names[:0]
	op.in.req, op.in.im, op.in.topic = nil, nil, nil
}

func (op *Produce) add(topic *cluster.Topic, in *wire.ProducePart) {
	op.Parts = append(op.Parts, ProducePart{
		Topic: topic, Index: in.Index, Records: in.Records, version: op.Version,
		BaseOffset: noOffset, LogAppendTimeMs: -1, LogStartOffset: noOffset, NeedOffset: -1,
		leader: -1, leaderEpoch: -1,
	})
	pp := &op.Parts[len(op.Parts)-1]
	if topic == nil {
		return
	}
	pm := partMeta(topic, in.Index)
	if pm == nil {
		pp.fail(codeUnknownTopic, "")
		return
	}
	pp.Owner, pp.leader, pp.leaderEpoch = pm.Owner, op.Env.leader(pm), pm.LeaderEpoch
	if !op.Env.leads(pm) {
		pp.fail(codeNotLeader, "")
	}
}

// Check looks at everything that needs no partition: exactly one sound batch,
// of a format and a codec that this version may carry. It belongs before any
// lock. maxBytes is the largest batch allowed; 0 takes the topic's own limit.
func (pp *ProducePart) Check(maxBytes int) {
	if pp.Done {
		return
	}
	if maxBytes <= 0 {
		maxBytes = pp.Topic.Log.MaxMessageBytes
	}
	code, why := batch.CheckWhy(pp.Records, &pp.Header, maxBytes)
	switch {
	case code != 0:
		pp.fail(code, why)
	case pp.Header.IsTransactional():
		pp.fail(codeTransactions, noTransactions)
	case pp.Header.Codec() == batch.CodecZstd && pp.version < firstZstd:
		pp.fail(codeUnsupportedCodec, "zstd needs Produce version 7")
	}
}

// Apply decides about the batch at its owner: writer only. p is nil when the
// partition is not here. After Write or RollThenWrite the caller owes the bytes
// and p.Log.Commit(&pp.Append); then, as after Duplicate, it waits until the
// high watermark reaches NeedOffset and calls Finish. After Refused the part is
// Done.
func (pp *ProducePart) Apply(p *partition.Partition, v *batch.Validator, nowMs int64) log.Verdict {
	if pp.Done {
		return log.Refused
	}
	if code := pp.refusedBy(p); code != 0 {
		pp.fail(code, "")
		return log.Refused
	}
	verdict, code := p.Log.Prepare(pp.Records, &pp.Header, v, nowMs, p.LeaderEpoch, &pp.Append)
	if verdict == log.Refused {
		why := ""
		if code == codeInvalidRecord {
			why, _ = v.Why()
		}
		pp.fail(code, why)
		return verdict
	}
	pp.BaseOffset, pp.LogAppendTimeMs = pp.Append.Base, pp.Append.LogAppendTimeMs
	pp.LogStartOffset = p.Log.StartOffset()
	pp.NeedOffset = pp.Append.Last + 1
	return verdict
}

func (pp *ProducePart) refusedBy(p *partition.Partition) int16 {
	switch {
	case p == nil:
		return codeNotLeader
	case p.ID != pp.Topic.ID && pp.version >= 13:
		return codeUnknownTopicID
	case p.ID != pp.Topic.ID:
		return codeUnknownTopic
	case p.Failed():
		return codeStorage
	}
	return 0
}

// Finish answers the part: with code 0 once the high watermark of p has reached
// NeedOffset, otherwise with what went wrong instead. p may be nil with a code.
func (pp *ProducePart) Finish(p *partition.Partition, code int16) {
	if pp.Done {
		return
	}
	if code != 0 {
		pp.fail(code, "")
		return
	}
	if hw := p.HighWatermark().Offset; hw < pp.NeedOffset {
		panic(fmt.Sprintf("api: produce acknowledged below the high watermark: got %d, want %d", hw, pp.NeedOffset))
	}
	pp.Done = true
}

func (pp *ProducePart) fail(code int16, why string) {
	pp.Err, pp.ErrMsg, pp.Done, pp.NeedOffset = code, why, true, -1
	pp.BaseOffset, pp.LogAppendTimeMs, pp.LogStartOffset = noOffset, -1, noOffset
}

// Failed reports whether any part has an error: with acks 0 the connection is
// closed then, because there is no other way to tell the client.
func (op *Produce) Failed() bool {
	for i := range op.Parts {
		if op.Parts[i].Err != 0 {
			return true
		}
	}
	return false
}
