package load

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/workloads"
)

// newOps is what a class asks.
func (r *run) newOps(c *workloads.Class) (ops, error) {
	switch c.Name {
	case workloads.TailFetch, workloads.CatchUpFetch:
		f := &fetchOps{run: r, class: c, tail: c.Name == workloads.TailFetch, frames: make([]*fetchRequest, len(r.cl.leader))}
		f.at, f.onPart = append(f.at, r.cl.start...), f.part
		return f, nil
	case workloads.Metadata:
		req := kmsg.NewPtrMetadataRequest()
		req.Version = r.cl.metadataVersion
		for i := range r.cl.topics {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = &r.cl.topics[i]
			req.Topics = append(req.Topics, t)
		}
		return fixedOps(encoded(req)), nil
	case workloads.Reconnect:
		return fixedOps(encoded(kmsg.NewPtrApiVersionsRequest())), nil // version 0, which every broker answers
	}
	return nil, fmt.Errorf("load: there is no class %q", c.Name)
}

// encoded is a request's frame with the correlation id 0.
func encoded(req kmsg.Request) []byte {
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, req, 0)
}

// fixedOps is a class whose requests are all alike and whose answers are not
// looked into: that they come is what is timed.
type fixedOps []byte

func (f fixedOps) partition(int64) int32 { return anywhere }

func (f fixedOps) frame(dst []byte, _ int32) ([]byte, asked) {
	return append(dst, f...), asked{}
}

func (f fixedOps) answer(_ asked, body []byte) (int16, int64, error) {
	if len(body) < 2 {
		return 0, 0, fmt.Errorf("%w of %d bytes", errMalformed, len(body))
	}
	return 0, int64(len(body)), nil
}

// fetchOps fetches one drawn partition at a time and never waits for data.
type fetchOps struct {
	*run
	class  *workloads.Class
	tail   bool
	frames []*fetchRequest // by partition, made when first wanted
	at     []int64         // where a reader that catches up goes on

	// The response being read.
	asked  asked
	code   int16
	bytes  int64
	onPart func(*fetched)
}

func (f *fetchOps) partition(i int64) int32 {
	return int32(f.class.Partition(f.o.Seed, i, len(f.frames)))
}

func (f *fetchOps) frame(dst []byte, p int32) ([]byte, asked) {
	req := f.frames[p]
	if req == nil {
		req = newFetchRequest(f.cl.topics, f.o.W.Partitions, []int{int(p)})
		req.wait(0)
		f.frames[p] = req
	}
	at := f.at[p]
	if f.tail {
		at = max(f.cl.start[p], f.target[p].Load()-int64(f.o.W.RecordsPerBatch))
	}
	req.set(0, func(int) int64 { return at })
	return append(dst, req.bytes...), asked{p, at}
}

func (f *fetchOps) answer(what asked, body []byte) (int16, int64, error) {
	f.asked, f.code, f.bytes = what, 0, 0
	code, err := parseFetch(body, f.onPart)
	if code == 0 {
		code = f.code
	}
	return code, f.bytes, err
}

// part reads what a response holds of its one partition. Of several requests for the
// same place the first answer moves the reader on.
func (f *fetchOps) part(got *fetched) {
	f.code, f.bytes = got.code, int64(len(got.records))
	if f.tail || got.code != 0 {
		return
	}
	p, from := f.asked.partition, f.asked.offset
	if f.at[p] != from {
		return
	}
	f.at[p] = afterBatches(got.records, from)
	if f.at[p] == from { // the end of the log
		f.at[p] = f.cl.start[p]
	}
}

// afterBatches is the offset behind the last whole batch of a fetch, or from
// where there is none.
func afterBatches(records []byte, from int64) int64 {
	for len(records) >= batchHeaderBytes {
		size := int(int32(binary.BigEndian.Uint32(records[8:]))) + 12
		if size < batchHeaderBytes || size > len(records) {
			break
		}
		from = int64(binary.BigEndian.Uint64(records)) + int64(int32(binary.BigEndian.Uint32(records[23:]))) + 1
		records = records[size:]
	}
	return from
}
