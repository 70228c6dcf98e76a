package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
	"github.com/ceteris/ceteris/models/wire"

	"github.com/ceteris/ceteris/models/cluster"
)

// Place is where a request can be answered.
type Place uint8

const (
	// Anywhere: from the metadata image, at once, by any thread.
	Anywhere Place = iota
	// Controller: the answer may change metadata and blocks meanwhile.
	Controller
	// Partitions: Split cuts it by owner.
	Partitions
)

func (p Place) String() string {
	switch p {
	case Anywhere:
		return "anywhere"
	case Controller:
		return "controller"
	case Partitions:
		return "partitions"
	}
	return fmt.Sprintf("place %d", uint8(p))
}

// API is one row of the table of what this broker speaks.
type API struct {
	Key      int16
	Min, Max int16 // as advertised
	Name     string
	// Served is the first version that is answered; below it the connection is
	// closed although the version is advertised.
	Served int16

	wide   bool
	place  func(*Env, kmsg.Request) Place
	answer func(*Env, kmsg.Request) kmsg.Response
	split  func(*Env, kmsg.Request) PartOp
}

// PartOp is a request cut by partition, for the APIs that are not on the data
// path. Parts may be applied at the same time; Join comes after all of them.
type PartOp interface {
	// Len is the number of parts. Those answered by Split are not counted.
	Len() int
	// Part says where part i belongs.
	Part(i int) (topic *cluster.Topic, index int32)
	// Apply runs part i at its partition, nil when that is not here. When cold,
	// nothing is done: load what at names and apply again.
	Apply(i int, p *partition.Partition, pk log.Peeker) (cold bool, at log.Extent)
	// Join builds the response.
	Join() kmsg.Response
}

// table is indexed by key. It is filled in by init because ApiVersions, one of
// its rows, reads it.
var table [61]API

func init() {
	for _, a := range []API{
		{Key: 0, Min: 0, Max: wire.ProduceMax, Served: wire.ProduceMin, Name: "Produce"},
		{Key: 1, Min: wire.FetchMin, Max: wire.FetchMax, Name: "Fetch"},
		{Key: 2, Min: 1, Max: 10, Name: "ListOffsets", split: splitListOffsets},
		{Key: 3, Min: 0, Max: 13, Name: "Metadata", wide: true, place: placeMetadata, answer: answerMetadata},
		{Key: 10, Min: 0, Max: 6, Name: "FindCoordinator", answer: answerFindCoordinator},
		{Key: 18, Min: 0, Max: 4, Name: "ApiVersions", answer: answerAPIVersions},
		{Key: 19, Min: 2, Max: 7, Name: "CreateTopics", place: atController, answer: answerCreateTopics},
		{Key: 20, Min: 1, Max: 6, Name: "DeleteTopics", place: atController, answer: answerDeleteTopics},
		{Key: 22, Min: 0, Max: 5, Name: "InitProducerId", place: atController, answer: answerInitProducerID},
		{Key: 23, Min: 2, Max: 4, Name: "OffsetForLeaderEpoch", split: splitOffsetForLeaderEpoch},
		{Key: 32, Min: 1, Max: 4, Name: "DescribeConfigs", answer: answerDescribeConfigs},
		{Key: 37, Min: 0, Max: 3, Name: "CreatePartitions", place: atController, answer: answerCreatePartitions},
		{Key: 60, Min: 0, Max: 2, Name: "DescribeCluster", answer: answerDescribeCluster},
	} {
		a.Served = max(a.Served, a.Min)
		table[a.Key] = a
	}
}

// Lookup finds an API, nil when this broker does not speak it.
func Lookup(key int16) *API {
	if key < 0 || int(key) >= len(table) || table[key].Name == "" {
		return nil
	}
	return &table[key]
}

// All lists the APIs by key.
func All() []*API {
	var out []*API
	for key := range table {
		if a := Lookup(int16(key)); a != nil {
			out = append(out, a)
		}
	}
	return out
}

// Admit finds the API that a request is for. On error the connection is to be
// closed, which is how Kafka answers what it does not speak; ApiVersions alone
// is admitted in any version and answered with what there is.
func Admit(h *wire.Header) (*API, error) {
	a := Lookup(h.Key)
	if a == nil {
		return nil, fmt.Errorf("api: request key %d is not served", h.Key)
	}
	if a.Key != keyAPIVersions && (h.Version < a.Served || h.Version > a.Max) {
		return nil, fmt.Errorf("api: %s version %d: versions %d to %d are served", a.Name, h.Version, a.Served, a.Max)
	}
	return a, nil
}

// Hot reports whether the API has an operation of its own, [Produce] or [Fetch],
// in place of PlaceOf, Answer and Split.
func (a *API) Hot() bool { return a.answer == nil && a.split == nil }

// Wide reports whether an answer may be about every partition there is, however
// short the request.
func (a *API) Wide() bool { return a.wide }

// Decode reads a request's body, which the request aliases. On error the
// connection is to be closed.
func (a *API) Decode(h *wire.Header, body []byte) (kmsg.Request, error) {
	if a.Key == keyAPIVersions && h.Version > a.Max {
		// Its body may be of a form not known yet; only its version matters.
		return &kmsg.ApiVersionsRequest{Version: h.Version}, nil
	}
	return wire.DecodeRequest(h.Key, h.Version, body)
}

// PlaceOf says where a request can be answered.
func (a *API) PlaceOf(e *Env, req kmsg.Request) Place {
	switch {
	case a.split != nil:
		return Partitions
	case a.place != nil:
		return a.place(e, req)
	}
	return Anywhere
}

// Answer answers a request whose place is not Partitions.
func (a *API) Answer(e *Env, req kmsg.Request) kmsg.Response { return a.answer(e, req) }

// Split cuts a request whose place is Partitions.
func (a *API) Split(e *Env, req kmsg.Request) PartOp { return a.split(e, req) }

func atController(*Env, kmsg.Request) Place { return Controller }
