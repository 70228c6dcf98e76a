package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/cluster"
)

func (f *fakeBroker) configs(v int16, kind kmsg.ConfigResourceType, name string, names []string) kmsg.DescribeConfigsResponseResource {
	f.t.Helper()
	q := kmsg.NewPtrDescribeConfigsRequest()
	q.Version, q.IncludeSynonyms, q.IncludeDocumentation = v, true, true
	q.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: names}}
	return f.ask(q).(*kmsg.DescribeConfigsResponse).Resources[0]
}

func TestDescribeTopicConfigs(t *testing.T) {
	f := newFake(t)
	f.topic("a", 1, "retention.ms", "1000")
	for v := int16(1); v <= 4; v++ {
		r := f.configs(v, kmsg.ConfigResourceTypeTopic, "a", nil)
		if r.ErrorCode != 0 || len(r.Configs) != len(cluster.TopicConfigs) {
			t.Fatalf("v%d: code %d, %d settings", v, r.ErrorCode, len(r.Configs))
		}
		r = f.configs(v, kmsg.ConfigResourceTypeTopic, "a", []string{"retention.ms", "max.message.bytes", "no.such"})
		if len(r.Configs) != 2 {
			t.Fatalf("v%d: %+v", v, r.Configs)
		}
		size, own := r.Configs[0], r.Configs[1]
		if size.Name != "max.message.bytes" || *size.Value != "1048588" || size.Source != kmsg.ConfigSourceDefaultConfig || size.ReadOnly ||
			len(size.ConfigSynonyms) != 1 || size.ConfigSynonyms[0].Name != "message.max.bytes" {
			t.Errorf("v%d: %+v", v, size)
		}
		if own.Name != "retention.ms" || *own.Value != "1000" || own.Source != kmsg.ConfigSourceDynamicTopicConfig ||
			len(own.ConfigSynonyms) != 2 || *own.ConfigSynonyms[0].Value != "1000" || *own.ConfigSynonyms[1].Value != "604800000" {
			t.Errorf("v%d: %+v", v, own)
		}
		if v >= 3 && (own.ConfigType != kmsg.ConfigTypeLong || own.Documentation == nil) {
			t.Errorf("v%d: type %v documentation %v", v, own.ConfigType, own.Documentation)
		}
	}
}

func TestDescribeBrokerConfigs(t *testing.T) {
	f := newFake(t, "num.partitions", "7")
	r := f.configs(4, kmsg.ConfigResourceTypeBroker, "1", nil)
	if r.ErrorCode != 0 || len(r.Configs) != len(models.Settings) {
		t.Fatalf("code %d, %d settings", r.ErrorCode, len(r.Configs))
	}
	c := f.configs(4, kmsg.ConfigResourceTypeBroker, "1", []string{"num.partitions"}).Configs[0]
	if *c.Value != "7" || c.Source != kmsg.ConfigSourceStaticBrokerConfig || !c.ReadOnly || c.IsDefault {
		t.Errorf("%+v", c)
	}
	c = f.configs(4, kmsg.ConfigResourceTypeBroker, "1", []string{"num.io.threads"}).Configs[0]
	if *c.Value != "8" || c.Source != kmsg.ConfigSourceDefaultConfig {
		t.Errorf("%+v", c)
	}
	for name, want := range map[string]int16{"": 0, "2": kerr.InvalidRequest.Code, "one": kerr.InvalidRequest.Code} {
		if r := f.configs(4, kmsg.ConfigResourceTypeBroker, name, nil); r.ErrorCode != want || len(r.Configs) != 0 {
			t.Errorf("broker %q: %+v", name, r)
		}
	}
	if r := f.configs(4, kmsg.ConfigResourceTypeTopic, "nowhere", nil); r.ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Errorf("unknown topic: %+v", r)
	}
	if r := f.configs(4, kmsg.ConfigResourceTypeTopic, "no/where", nil); r.ErrorCode != kerr.InvalidTopicException.Code {
		t.Errorf("impossible topic: %+v", r)
	}
	if r := f.configs(4, kmsg.ConfigResourceTypeBrokerLogger, "1", nil); r.ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("loggers: %+v", r)
	}
}
