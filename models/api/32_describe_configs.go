package api

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/wire"
)

// DescribeConfigs, key 32. Served 1-4.
//
// Behaviour: what a topic or this broker is set to. A topic's setting is its own
// (DYNAMIC_TOPIC_CONFIG) or the broker's (DEFAULT_CONFIG); synonyms list both
// when asked for. A broker's settings are all read-only: they were given at
// start. No names means all; names that do not exist are left out. Any other kind of
// resource is INVALID_REQUEST, as is another broker.
//
// Versions: 1 sources and synonyms (KIP-226), 3 types and documentation
// (KIP-569), 4 flexible.

func answerDescribeConfigs(e *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.DescribeConfigsRequest)
	resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	for i := range req.Resources {
		asked := &req.Resources[i]
		r := kmsg.NewDescribeConfigsResponseResource()
		r.ResourceType, r.ResourceName = asked.ResourceType, asked.ResourceName
		d := describer{req: req, asked: asked, out: &r}
		switch asked.ResourceType {
		case kmsg.ConfigResourceTypeTopic:
			d.topic(e)
		case kmsg.ConfigResourceTypeBroker:
			d.broker(e)
		default:
			d.refuse(codeInvalidRequest, "only topics and brokers have settings here")
		}
		resp.Resources = append(resp.Resources, r)
	}
	return resp
}

// describer writes the settings of one resource.
type describer struct {
	req   *kmsg.DescribeConfigsRequest
	asked *kmsg.DescribeConfigsRequestResource
	out   *kmsg.DescribeConfigsResponseResource
}

func (d *describer) refuse(code int16, why string) {
	d.out.ErrorCode, d.out.ErrorMessage = code, message(why)
}

func (d *describer) wants(name string) bool {
	return len(d.asked.ConfigNames) == 0 || slices.Contains(d.asked.ConfigNames, name)
}

func (d *describer) topic(e *Env) {
	if err := cluster.ValidateTopicName(d.asked.ResourceName); err != nil {
		d.refuse(codeInvalidTopic, err.Error())
		return
	}
	im := e.Image()
	t := im.Topic([]byte(d.asked.ResourceName))
	if t == nil {
		d.refuse(codeUnknownTopic, "no topic has this name")
		return
	}
	defaults := im.Defaults()
	for i := range cluster.TopicConfigs {
		tc := &cluster.TopicConfigs[i]
		if !d.wants(tc.Name) {
			continue
		}
		c := d.setting(tc.Name, tc.Value(&t.Log), kmsg.ConfigType(tc.Type), tc.Doc)
		own, set := t.Configs[tc.Name]
		c.Source, c.IsDefault = kmsg.ConfigSourceDefaultConfig, !set
		if set {
			c.Source = kmsg.ConfigSourceDynamicTopicConfig
			d.synonym(&c, tc.Name, own, kmsg.ConfigSourceDynamicTopicConfig)
		}
		if tc.Broker != "" {
			d.synonym(&c, tc.Broker, tc.Value(&defaults), kmsg.ConfigSourceDefaultConfig)
		}
		d.out.Configs = append(d.out.Configs, c)
	}
}

func (d *describer) broker(e *Env) {
	if id := d.asked.ResourceName; id != "" && !isNode(e, id) {
		d.refuse(codeInvalidRequest, "this broker cannot answer for broker "+id)
		return
	} else if id == "" {
		return // the settings shared by all brokers: there are none
	}
	effective := e.Cfg.Effective()
	for i := range models.Settings {
		s := &models.Settings[i]
		if !d.wants(s.Name) {
			continue
		}
		c := d.setting(s.Name, effective[s.Name], kmsg.ConfigTypeLong, s.Doc)
		c.ReadOnly, c.Source = true, kmsg.ConfigSourceStaticBrokerConfig
		if effective[s.Name] == strconv.FormatInt(s.Default, 10) {
			c.Source, c.IsDefault = kmsg.ConfigSourceDefaultConfig, true
		}
		d.synonym(&c, s.Name, effective[s.Name], c.Source)
		d.out.Configs = append(d.out.Configs, c)
	}
}

// isNode reports whether a broker's name means this process.
func isNode(e *Env, name string) bool {
	return slices.ContainsFunc(e.Nodes, func(n wire.Node) bool { return strconv.Itoa(int(n.ID)) == name })
}

func (d *describer) setting(name, value string, kind kmsg.ConfigType, doc string) kmsg.DescribeConfigsResponseResourceConfig {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.Value, c.ConfigType = name, &value, kind
	if d.req.IncludeDocumentation {
		c.Documentation = &doc
	}
	return c
}

func (d *describer) synonym(c *kmsg.DescribeConfigsResponseResourceConfig, name, value string, source kmsg.ConfigSource) {
	if !d.req.IncludeSynonyms {
		return
	}
	s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	s.Name, s.Value, s.Source = name, &value, source
	c.ConfigSynonyms = append(c.ConfigSynonyms, s)
}
