package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/wire"
)

// The request path without its partitions: what every model pays alike.

func BenchmarkProduceDecodeSplitEncode(b *testing.B) {
	f := newFake(b)
	topic := f.topic("t", 8)
	q := produceTo(13, topic, 0, make([]byte, 4096))
	for i := int32(1); i < 8; i++ {
		q.Topics[0].Partitions = append(q.Topics[0].Partitions, kmsg.ProduceRequestTopicPartition{Partition: i, Records: make([]byte, 4096)})
	}
	body, dst := q.AppendTo(nil), make([]byte, 0, 4096)
	var req wire.ProduceRequest
	b.ReportAllocs()
	for b.Loop() {
		if err := req.Parse(13, body); err != nil {
			b.Fatal(err)
		}
		f.produce.Split(&req, f.im)
		f.produce.AppendResponse(dst, 1)
	}
}

func BenchmarkFetchDecodeSplitJoin(b *testing.B) {
	f := newFake(b)
	body, head := fetchFrom(13, f.topic("t", 8), 8).AppendTo(nil), make([]byte, 0, 4096)
	var req wire.FetchRequest
	b.ReportAllocs()
	for b.Loop() {
		if err := req.Parse(13, body); err != nil {
			b.Fatal(err)
		}
		f.fetch.Split(&req, f.im, nil)
		f.fetch.Join(nil, 1, head, &f.chain)
		f.chain.Reset(nil)
		f.fetch.Reset(nil)
	}
}
