package modeltest

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/api"
)

// metadata is every version of everything that is answered from the image, and
// of what changes it.
var metadata = Script{Name: "metadata", Lives: []func(*Tape){
	func(t *Tape) {
		c := t.Dial()
		versions(c)
		describe(c)
		creations(c)
		describe(c)
		for v := int16(1); v <= 6; v++ {
			r := c.Ask(v, deleteRequest("made")).(*kmsg.DeleteTopicsResponse)
			c.tape.Note("code %d", r.Topics[0].ErrorCode)
		}
		c.created("made", 2) // under its old name, as another topic
		describe(c)
	},
	func(t *Tape) {
		c := t.Dial()
		describe(c)
		topic := c.known("made")
		c.produce(13, -1, produced{topic, 1, Batch{}.Bytes()}, 0, 0)
	},
}}

// versions asks which versions there are, in all of them and beyond.
func versions(c *Conn) {
	c.tape.T.Helper()
	for v := int16(0); v <= 4; v++ {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "modeltest", "1.0"
		r := c.Ask(v, req).(*kmsg.ApiVersionsResponse)
		if len(r.ApiKeys) != len(api.All()) {
			c.fatalf("ApiVersions v%d: %d keys, want %d", v, len(r.ApiKeys), len(api.All()))
		}
	}
	bad := kmsg.NewPtrApiVersionsRequest()
	bad.ClientSoftwareName = "not a name!"
	if code := c.Ask(3, bad).(*kmsg.ApiVersionsResponse).ErrorCode; code != kerr.InvalidRequest.Code {
		c.fatalf("a client with an impossible name: code %d", code)
	}
	// A version that nobody knows yet is answered in version 0.
	c.SendRaw("ApiVersions v99", 7000, RawFrame(keyAPIVersions, 99, 7000, []byte{0, 1, 2, 3}))
	c.Answer()
	last := c.tape.Lines[len(c.tape.Lines)-1].Answer
	if code := int16(last[4])<<8 | int16(last[5]); code != kerr.UnsupportedVersion.Code {
		c.fatalf("ApiVersions v99: code %d", code)
	}
}

// describe asks everything about the metadata in every version.
func describe(c *Conn) {
	c.tape.T.Helper()
	for v := int16(0); v <= 13; v++ {
		all := kmsg.NewPtrMetadataRequest()
		all.IncludeTopicAuthorizedOperations, all.IncludeClusterAuthorizedOperations = true, true
		c.Ask(v, all)
		one, name, wrong := kmsg.NewPtrMetadataRequest(), "made", "not/a/topic"
		for _, n := range []*string{&name, &wrong} {
			t := kmsg.NewMetadataRequestTopic()
			t.Topic = n
			one.Topics = append(one.Topics, t)
		}
		if v >= 4 {
			c.Ask(v, one)
		}
		if v >= 12 {
			byID := kmsg.NewPtrMetadataRequest()
			t := kmsg.NewMetadataRequestTopic()
			t.TopicID = [16]byte{9}
			byID.Topics = append(byID.Topics, t)
			c.Ask(v, byID)
		}
	}
	for v := int16(0); v <= 6; v++ {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorKey, req.CoordinatorKeys = "group", []string{"group", "other"}
		c.Ask(v, req)
	}
	for v := int16(0); v <= 2; v++ {
		for kind := range int8(3) {
			req := kmsg.NewPtrDescribeClusterRequest()
			req.IncludeClusterAuthorizedOperations, req.EndpointType = kind == 1, kind
			c.Ask(v, req)
		}
	}
	for v := int16(1); v <= 4; v++ {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.IncludeSynonyms, req.IncludeDocumentation = true, v > 2
		for _, r := range []struct {
			kind kmsg.ConfigResourceType
			name string
		}{
			{kmsg.ConfigResourceTypeTopic, "made"},
			{kmsg.ConfigResourceTypeTopic, "nowhere"},
			{kmsg.ConfigResourceTypeBroker, ""},
			{kmsg.ConfigResourceTypeBroker, "2"},
			{kmsg.ConfigResourceTypeBrokerLogger, "1"},
		} {
			res := kmsg.NewDescribeConfigsRequestResource()
			res.ResourceType, res.ResourceName = r.kind, r.name
			req.Resources = append(req.Resources, res)
		}
		c.Ask(v, req)
	}
}

// creations makes, grows and refuses topics.
func creations(c *Conn) {
	c.tape.T.Helper()
	names := []string{"made", "made-3", "made-4", "made-5", "made-6", "made-7"}
	for v := int16(2); v <= 7; v++ {
		name := names[v-2]
		c.Ask(v, createRequest(name, int32(v), "retention.ms", "86400000", "max.message.bytes", "2000000"))
		r := c.Ask(v, createRequest(name, 1)).(*kmsg.CreateTopicsResponse)
		if code := r.Topics[0].ErrorCode; code != kerr.TopicAlreadyExists.Code {
			c.fatalf("create %s again: code %d", name, code)
		}
		c.Ask(v, createRequest("no/topic", 1))
		c.Ask(v, createRequest("zero", 0))
		c.Ask(v, createRequest("config", 1, "no.such", "1"))
		c.Ask(v, createRequest("config", 1, "segment.bytes", "1"))
		c.Ask(v, createRequest("config", 1, "cleanup.policy", "squash"))
		only := createRequest("pretend", 3)
		only.ValidateOnly = true
		c.Ask(v, only)
		factor := createRequest("factor", 1)
		factor.Topics[0].ReplicationFactor = 3
		c.Ask(v, factor)
		twice := createRequest("twice", 1)
		twice.Topics = append(twice.Topics, twice.Topics[0])
		c.Ask(v, twice)
	}
	for v := int16(0); v <= 3; v++ {
		for _, count := range []int32{5 + int32(v), 1, 0} {
			req := kmsg.NewPtrCreatePartitionsRequest()
			t := kmsg.NewCreatePartitionsRequestTopic()
			t.Topic, t.Count = "made-5", count
			req.Topics = append(req.Topics, t)
			t.Topic = "nowhere"
			req.Topics = append(req.Topics, t)
			c.Ask(v, req)
		}
	}
	auto := kmsg.NewPtrMetadataRequest()
	name := "by-itself"
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &name
	auto.Topics, auto.AllowAutoTopicCreation = append(auto.Topics, t), true
	if r := c.Ask(12, auto).(*kmsg.MetadataResponse); r.Topics[0].ErrorCode != 0 {
		c.fatalf("a topic by metadata: code %d", r.Topics[0].ErrorCode)
	}
}
