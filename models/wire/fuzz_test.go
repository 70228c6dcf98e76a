package wire

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func FuzzHeader(f *testing.F) {
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("me"))
	for _, key := range []int16{0, 1, 3, 18, 19} {
		req := kmsg.RequestForKey(key)
		for v := int16(0); v <= req.MaxVersion(); v++ {
			req.SetVersion(v)
			f.Add(format.AppendRequest(nil, req, 1)[SizeLen:])
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var h Header
		if err := ParseHeader(frame, &h); err != nil {
			return
		}
		if h.Body < minFrame || h.Body > len(frame) {
			t.Fatalf("body at %d of %d", h.Body, len(frame))
		}
		if req, err := DecodeRequest(h.Key, h.Version, frame[h.Body:]); err == nil && req.Key() != h.Key {
			t.Fatalf("key %d became %d", h.Key, req.Key())
		}
	})
}

func FuzzProduceView(f *testing.F) {
	r := rand.New(rand.NewPCG(seed, 6))
	for v := ProduceMin; v <= ProduceMax; v++ {
		for range 4 {
			f.Add(v, randomProduce(r, v).AppendTo(nil))
		}
	}
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		var view ProduceRequest
		if view.Parse(v, body) != nil {
			return
		}
		q := kmsg.NewPtrProduceRequest()
		q.Version = v
		if err := q.ReadFrom(body); err != nil {
			t.Fatalf("v%d: the view reads what kmsg refuses: %v", v, err)
		}
		if d := cmp.Diff(describeProduce(q), view.describe()); d != "" {
			t.Fatalf("v%d: -kmsg +view\n%s", v, d)
		}
	})
}

func FuzzFetchView(f *testing.F) {
	r := rand.New(rand.NewPCG(seed, 7))
	for v := FetchMin; v <= FetchMax; v++ {
		for range 4 {
			f.Add(v, randomFetch(r, v).AppendTo(nil))
		}
	}
	f.Fuzz(func(t *testing.T, v int16, body []byte) {
		var view FetchRequest
		if view.Parse(v, body) != nil {
			return
		}
		q := kmsg.NewPtrFetchRequest()
		q.Version = v
		if err := q.ReadFrom(body); err != nil {
			return // kmsg also reads the tagged fields that the view skips
		}
		if d := cmp.Diff(expectFetch(q).Parts, view.normal().Parts); d != "" {
			t.Fatalf("v%d: -kmsg +view\n%s", v, d)
		}
	})
}
