package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var someNodes = []Node{{ID: 7, Host: "a.example", Port: 9092}, {ID: 1 << 20, Host: string(bytes.Repeat([]byte("x"), 300)), Port: 1, Rack: "r"}}

// whole is what a client reads after the size, of a response by kmsg.
func whole(t *testing.T, got []byte, resp kmsg.Response) {
	t.Helper()
	if want := AppendResponse(nil, resp.GetVersion(), 5, resp); !bytes.Equal(got, want) {
		t.Fatalf("v%d: -kmsg +ours\n%s", resp.GetVersion(), cmp.Diff(want, got))
	}
}

func TestProduceResponseIsKmsgs(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 4))
	for v := ProduceMin; v <= ProduceMax; v++ {
		for range 200 {
			resp := kmsg.NewPtrProduceResponse()
			resp.Version, resp.ThrottleMillis = v, int32(r.IntN(1000))
			var w ProduceResponse
			topics := r.IntN(4)
			w.Begin([]byte("before"), v, 5, topics)
			moved := false
			for range topics {
				rt := kmsg.NewProduceResponseTopic()
				rt.Topic, rt.TopicID = string(randomBytes(r, 200)), randomID(r)
				parts := r.IntN(3)
				w.Topic([]byte(rt.Topic), rt.TopicID, parts)
				for range parts {
					p := ProduceResult{
						Index: int32(r.Uint32()), Code: int16(r.IntN(9)), BaseOffset: int64(r.Uint64()), LogAppendTimeMs: int64(r.Uint64()),
						LogStartOffset: int64(r.Uint64()), Message: string(randomBytes(r, 200)), Leader: int32(r.IntN(9)), LeaderEpoch: int32(r.IntN(9)),
					}
					w.Part(&p)
					rp := kmsg.NewProduceResponseTopicPartition()
					rp.Partition, rp.ErrorCode, rp.BaseOffset = p.Index, p.Code, p.BaseOffset
					rp.LogAppendTime, rp.LogStartOffset = p.LogAppendTimeMs, p.LogStartOffset
					if p.Message != "" {
						rp.ErrorMessage = &p.Message
					}
					if v >= 10 && p.Code == NotLeader {
						rp.CurrentLeader.LeaderID, rp.CurrentLeader.LeaderEpoch = p.Leader, p.LeaderEpoch
						moved = true
					}
					rt.Partitions = append(rt.Partitions, rp)
				}
				resp.Topics = append(resp.Topics, rt)
			}
			var nodes []Node
			if moved {
				nodes = someNodes
				for i := range nodes {
					b := kmsg.NewProduceResponseBroker()
					b.NodeID, b.Host, b.Port, b.Rack = nodes[i].ID, nodes[i].Host, nodes[i].Port, rackOf(&nodes[i])
					resp.Brokers = append(resp.Brokers, b)
				}
			}
			got := w.End(resp.ThrottleMillis, nodes)
			if !bytes.HasPrefix(got, []byte("before")) {
				t.Fatal("what was in dst is gone")
			}
			whole(t, got[len("before"):], resp)
		}
	}
}

func rackOf(n *Node) *string {
	if n.Rack == "" {
		return nil
	}
	return &n.Rack
}

func TestFetchResponseIsKmsgs(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 5))
	for v := FetchMin; v <= FetchMax; v++ {
		for range 200 {
			fetchResponse(t, r, v)
		}
	}
}

func fetchResponse(t *testing.T, r *rand.Rand, v int16) {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version, resp.ErrorCode, resp.SessionID = v, int16(r.IntN(100)), int32(r.Uint32())
	var w FetchResponse
	topics := r.IntN(4)
	w.Begin(nil, v, 5, resp.ErrorCode, resp.SessionID, topics)
	var cuts []int
	var records [][]byte
	moved := false
	for range topics {
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = string(randomBytes(r, 200)), randomID(r)
		parts := r.IntN(3)
		w.Topic([]byte(rt.Topic), rt.TopicID, parts)
		for range parts {
			data := randomBytes(r, 500)
			p := FetchResult{
				Index: int32(r.Uint32()), Code: int16(r.IntN(9)), HighWatermark: int64(r.Uint64()), LastStable: int64(r.Uint64()),
				LogStart: int64(r.Uint64()), Committed: r.IntN(2) == 0, RecordBytes: len(data), DivergingEpoch: int32(r.IntN(4)) - 1,
				DivergingEnd: int64(r.Uint64()), Leader: int32(r.IntN(9)), LeaderEpoch: int32(r.IntN(9)),
			}
			if v < 12 {
				p.DivergingEpoch = -1
			}
			cuts, records = append(cuts, w.Part(&p)), append(records, data)
			rp := kmsg.NewFetchResponseTopicPartition()
			rp.Partition, rp.ErrorCode, rp.HighWatermark, rp.LastStableOffset = p.Index, p.Code, p.HighWatermark, p.LastStable
			rp.LogStartOffset, rp.RecordBatches, rp.PreferredReadReplica = p.LogStart, data, -1
			if p.Committed {
				rp.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
			}
			if p.DivergingEpoch >= 0 {
				rp.DivergingEpoch.Epoch, rp.DivergingEpoch.EndOffset = p.DivergingEpoch, p.DivergingEnd
			}
			if v >= 16 && p.Code == NotLeader {
				rp.CurrentLeader.LeaderID, rp.CurrentLeader.LeaderEpoch = p.Leader, p.LeaderEpoch
				moved = true
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	var nodes []Node
	if moved {
		nodes = someNodes
		for i := range nodes {
			b := kmsg.NewFetchResponseBroker()
			b.NodeID, b.Host, b.Port, b.Rack = nodes[i].ID, nodes[i].Host, nodes[i].Port, rackOf(&nodes[i])
			resp.Brokers = append(resp.Brokers, b)
		}
	}
	head := w.End(nodes)
	var got []byte
	from := 0
	for i, at := range cuts {
		got = append(append(got, head[from:at]...), records[i]...)
		from = at
	}
	whole(t, append(got, head[from:]...), resp)
	names := 0
	for i := range resp.Topics {
		names += len(resp.Topics[i].Topic)
	}
	if most := FetchFixedBytes + len(resp.Topics)*FetchTopicBytes + names + len(cuts)*FetchPartBytes; len(nodes) == 0 && len(head) > most {
		t.Fatalf("v%d: a head of %d bytes, the bound says %d", v, len(head), most)
	}
}

func TestEncodersAllocateNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	name, id := []byte("topic"), [16]byte{1}
	var p ProduceResponse
	var f FetchResponse
	for v := ProduceMin; v <= FetchMax; v++ {
		n := testing.AllocsPerRun(20, func() {
			if v <= ProduceMax {
				p.Begin(dst, v, 1, 1)
				p.Topic(name, id, 1)
				p.Part(&ProduceResult{Code: NotLeader, Message: "why"})
				p.End(0, someNodes)
			}
			if v >= FetchMin {
				f.Begin(dst, v, 1, 0, 0, 1)
				f.Topic(name, id, 1)
				f.Part(&FetchResult{Code: NotLeader})
				f.End(someNodes)
			}
		})
		if n != 0 {
			t.Errorf("v%d: %v allocations", v, n)
		}
	}
}
