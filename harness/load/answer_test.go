package load

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/workloads"
)

func produceBody(version, code int16, base int64, topics, partitions int) []byte {
	r := kmsg.NewPtrProduceResponse()
	r.Version = version
	for range topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = "some-topic"
		for range partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.BaseOffset = 3, code, base
			message := "why"
			p.ErrorMessage = &message
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	}
	return r.AppendTo([]byte{0})
}

func TestParseProduce(t *testing.T) {
	for version := int16(minProduceVersion); version <= maxProduceVersion; version++ {
		for _, want := range []produceAnswer{{0, 1 << 40}, {56, -1}} {
			body := produceBody(version, want.code, want.baseOffset, 1, 1)
			got, err := parseProduce(body)
			if err != nil || got != want {
				t.Errorf("v%d: got %+v, %v, want %+v", version, got, err, want)
			}
			for n := range 28 { // up to the base offset
				if _, err := parseProduce(body[:n]); !errors.Is(err, errMalformed) {
					t.Errorf("v%d cut to %d bytes: got %v", version, n, err)
				}
			}
		}
	}
	for _, c := range [][2]int{{0, 0}, {2, 1}, {1, 0}, {1, 2}} {
		if _, err := parseProduce(produceBody(12, 0, 0, c[0], c[1])); !errors.Is(err, errMalformed) {
			t.Errorf("%d topics of %d partitions: got %v", c[0], c[1], err)
		}
	}
}

// batchAt is a record batch with some values at an offset.
func batchAt(base int64, values ...[]byte) []byte {
	b := kmsg.RecordBatch{FirstOffset: base, Magic: 2, NumRecords: int32(len(values)), LastOffsetDelta: int32(len(values) - 1)}
	for i, v := range values {
		r := kmsg.NewRecord()
		r.OffsetDelta, r.Value = int32(i), v
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the length field itself is one byte while it is 0
		b.Records = append(b.Records, r.AppendTo(nil)...)
	}
	b.Length = int32(49 + len(b.Records))
	return b.AppendTo(nil)
}

func fetchBody(code int16, records ...[]byte) []byte {
	r := kmsg.NewPtrFetchResponse()
	r.Version, r.ErrorCode = fetchVersion, code
	t := kmsg.NewFetchResponseTopic()
	t.Topic = "t"
	for i, b := range records {
		p := kmsg.NewFetchResponseTopicPartition()
		p.Partition, p.RecordBatches, p.ErrorCode = int32(i), b, int16(i)
		p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 1, FirstOffset: 2}}
		t.Partitions = append(t.Partitions, p)
	}
	r.Topics = append(r.Topics, t)
	return r.AppendTo([]byte{0})
}

func TestParseFetch(t *testing.T) {
	want := [][]byte{[]byte("records"), nil, []byte("more")}
	body := fetchBody(7, want...)
	var got [][]byte
	code, err := parseFetch(body, func(f *fetched) {
		if string(f.topic) != "t" || int(f.partition) != len(got) || int(f.code) != len(got) {
			t.Errorf("got %+v", f)
		}
		got = append(got, bytes.Clone(f.records))
	})
	if err != nil || code != 7 || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("got %q, code %d, %v", got, code, err)
	}
	for n := range len(body) {
		if _, err := parseFetch(body[:n], func(*fetched) {}); !errors.Is(err, errMalformed) {
			t.Errorf("cut to %d bytes: got %v", n, err)
		}
	}
}

func TestFetchRequest(t *testing.T) {
	f := newFetchRequest([]string{"a", "b", "c"}, 4, []int{1, 3, 8, 11})
	f.set(77, func(k int) int64 { return int64(k)*1e10 + 5 })
	req := kmsg.NewPtrFetchRequest()
	req.Version = fetchVersion
	if err := req.ReadFrom(f.bytes[14+len(clientID)+1:]); err != nil {
		t.Fatal(err)
	}
	if f.bytes[11] != 77 || int(f.bytes[3])+int(f.bytes[2])<<8 != len(f.bytes)-4 {
		t.Errorf("head: got % x", f.bytes[:14])
	}
	if req.MaxWaitMillis != fetchMaxWaitMs || req.MinBytes != 1 || req.MaxBytes != fetchMaxBytes || req.SessionEpoch != -1 || req.ReplicaID != -1 || req.IsolationLevel != 0 {
		t.Errorf("got %+v", req)
	}
	k := 0
	for _, topic := range req.Topics {
		for _, p := range topic.Partitions {
			global := int(topic.Topic[0]-'a')*4 + int(p.Partition)
			if global != []int{1, 3, 8, 11}[k] || p.FetchOffset != int64(k)*1e10+5 || p.CurrentLeaderEpoch != -1 || p.LogStartOffset != -1 || p.PartitionMaxBytes != fetchPartitionMax {
				t.Errorf("partition %d: got %s %+v", k, topic.Topic, p)
			}
			k++
		}
	}
	if k != 4 {
		t.Errorf("got %d partitions, want 4", k)
	}
}

func TestEachValue(t *testing.T) {
	a, b := batchAt(10, []byte("ten"), nil, []byte("twelve")), batchAt(13, []byte("thirteen"))
	all := append(bytes.Clone(a), b...)
	broken := bytes.Clone(a)
	broken[60] = 9 // more records than there are
	zipped := bytes.Clone(a)
	zipped[22] = 4
	tiny := bytes.Clone(a)
	tiny[11] = 1
	for _, c := range []struct {
		name string
		in   []byte
		from int64
		want []string
		next int64
		bad  bool
	}{
		{"all", all, 10, []string{"ten", "", "twelve", "thirteen"}, 14, false},
		{"inside a batch", all, 12, []string{"twelve", "thirteen"}, 14, false},
		{"behind a batch", all, 13, []string{"thirteen"}, 14, false},
		{"nothing new", all, 14, nil, 14, false},
		{"cut batch", all[:len(all)-1], 10, []string{"ten", "", "twelve"}, 13, false},
		{"cut header", all[:len(a)+20], 10, []string{"ten", "", "twelve"}, 13, false},
		{"empty", nil, 5, nil, 5, false},
		{"too few records", broken, 10, []string{"ten", "", "twelve"}, 10, true},
		{"compressed", zipped, 10, nil, 10, true},
		{"too short", tiny, 10, nil, 10, true},
	} {
		var got []string
		next, err := eachValue(c.in, c.from, func(v []byte) { got = append(got, string(v)) })
		if !slices.Equal(got, c.want) || next != c.next || errors.Is(err, errMalformed) != c.bad {
			t.Errorf("%s: got %q, next %d, %v, want %q, %d", c.name, got, next, err, c.want, c.next)
		}
	}
}

func FuzzResponses(f *testing.F) {
	f.Add(produceBody(12, 0, 5, 1, 1))
	f.Add(fetchBody(0, batchAt(10, []byte("ten"), nil), []byte("x")))
	f.Add(batchAt(3, []byte("abc")))
	w := testWorkload()
	w.Size = workloads.SizeLaw{MedianBytes: 30, MaxBytes: 30}
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = parseProduce(b)
		_, _ = parseFetch(b, func(p *fetched) { _, _ = eachValue(p.records, 0, func([]byte) {}) })
		_, _ = eachValue(b, 0, func([]byte) {})
	})
}
