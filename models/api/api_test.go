package api

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/wire"
)

// Whatever we advertise is answered, in every version, with a header and a body
// that the client of that version can read.
func TestEveryAdvertisedVersionAnswers(t *testing.T) {
	f := newFake(t)
	topic := f.topic("walk", 2)
	versions := f.ask(kmsg.NewPtrApiVersionsRequest()).(*kmsg.ApiVersionsResponse)
	if len(versions.ApiKeys) != 13 {
		t.Errorf("%d keys are advertised", len(versions.ApiKeys))
	}
	for _, k := range versions.ApiKeys {
		a := Lookup(k.ApiKey)
		for v := k.MinVersion; v <= k.MaxVersion; v++ {
			req := kmsg.RequestForKey(k.ApiKey)
			if req == nil || v > req.MaxVersion() {
				t.Fatalf("%s v%d is advertised and unknown to kmsg", a.Name, v)
			}
			req.SetVersion(v)
			switch q := req.(type) {
			case *kmsg.ApiVersionsRequest:
				q.ClientSoftwareName, q.ClientSoftwareVersion = "test", "1"
			case *kmsg.ProduceRequest:
				q.Acks = 1
				q.Topics = []kmsg.ProduceRequestTopic{{Topic: "walk", TopicID: topic.ID, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: records(1, 1)}}}}
			case *kmsg.FetchRequest:
				p := kmsg.NewFetchRequestTopicPartition()
				p.PartitionMaxBytes = 100
				q.MaxBytes, q.Topics = 1000, []kmsg.FetchRequestTopic{{Topic: "walk", TopicID: topic.ID, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
			}
			resp, closed := f.do(req)
			switch {
			case k.ApiKey == 0 && v < 3:
				if closed == nil || !strings.Contains(closed.Error(), "versions 3 to 13 are served") {
					t.Errorf("Produce v%d: %v, %v", v, resp, closed)
				}
			case closed != nil || resp == nil:
				t.Errorf("%s v%d: %v, closed: %v", a.Name, v, resp, closed)
			case resp.GetVersion() != v:
				t.Errorf("%s v%d answered in version %d", a.Name, v, resp.GetVersion())
			}
		}
	}
}

func TestWhatIsNotSpokenClosesTheConnection(t *testing.T) {
	for _, c := range []struct {
		key, ver int16
		ok       bool
	}{
		{-1, 0, false},
		{4, 0, false},
		{61, 0, false},
		{128, 0, false},
		{32767, 0, false},
		{0, 2, false},
		{0, 3, true},
		{0, 13, true},
		{0, 14, false},
		{1, 3, false},
		{1, 4, true},
		{1, 17, true},
		{1, 18, false},
		{2, 0, false},
		{2, 10, true},
		{2, 11, false},
		{18, 99, true},
		{3, 14, false},
	} {
		a, err := Admit(&wire.Header{Key: c.key, Version: c.ver})
		if (err == nil) != c.ok || (a != nil) != c.ok {
			t.Errorf("key %d version %d: %v", c.key, c.ver, err)
		}
	}
}

func TestAPIVersions(t *testing.T) {
	f := newFake(t)
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = 3, "franz-go", "v1.22.2-beta"
	resp := f.ask(req).(*kmsg.ApiVersionsResponse)
	if resp.ErrorCode != 0 || len(resp.SupportedFeatures) != 0 || len(resp.FinalizedFeatures) != 0 || resp.FinalizedFeaturesEpoch != -1 {
		t.Errorf("%+v", resp)
	}
	for _, k := range resp.ApiKeys {
		if a := Lookup(k.ApiKey); k.MinVersion != a.Min || k.MaxVersion != a.Max {
			t.Errorf("%s: %+v", a.Name, k)
		}
	}
	if k := resp.ApiKeys[0]; k.ApiKey != 0 || k.MinVersion != 0 {
		t.Errorf("Produce is advertised as %+v: old librdkafka stops compressing", k)
	}

	req.ClientSoftwareName = "-bad name-"
	if resp := f.ask(req).(*kmsg.ApiVersionsResponse); resp.ErrorCode != 42 {
		t.Errorf("a malformed name: code %d", resp.ErrorCode)
	}

	req.Version = 5
	resp = f.ask(req).(*kmsg.ApiVersionsResponse)
	if resp.ErrorCode != 35 || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].ApiKey != 18 || resp.ApiKeys[0].MaxVersion != 4 {
		t.Errorf("a newer version: %+v", resp)
	}
}
