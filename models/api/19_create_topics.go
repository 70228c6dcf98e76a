package api

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
)

// CreateTopics, key 19. Served 2-7.
//
// Behaviour:
//   - Topics are created one by one; each is answered on its own, when its
//     partitions can be used.
//   - -1 partitions means num.partitions, replication factor -1 means 1, which
//     is the only factor there is. A replica assignment must give every
//     partition, from 0 on, to this broker and nobody else; with direct routing
//     to one of its shards.
//   - Settings are checked by name and value; what the broker does not do is
//     INVALID_CONFIG, never ignored. A topic named twice is INVALID_REQUEST.
//   - Validate-only answers as if, and changes nothing.
//
// Versions: 4 defaults by -1 (KIP-464), 5 flexible and answers with partitions
// and settings (KIP-525), 7 with the topic's id (KIP-516).

func answerCreateTopics(e *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.CreateTopicsRequest)
	resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	named := map[string]int{}
	for i := range req.Topics {
		named[req.Topics[i].Topic]++
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		switch n := named[t.Topic]; {
		case n == 1:
			resp.Topics = append(resp.Topics, createTopic(e, req, t))
		case n > 1: // answered once, however often it was asked
			named[t.Topic] = 0
			resp.Topics = append(resp.Topics, refuseTopic(t.Topic, codeInvalidRequest, "the topic is named more than once"))
		}
	}
	return resp
}

func refuseTopic(name string, code int16, why string) kmsg.CreateTopicsResponseTopic {
	out := kmsg.NewCreateTopicsResponseTopic()
	out.Topic, out.ErrorCode, out.ErrorMessage = name, code, message(why)
	return out
}

func createTopic(e *Env, req *kmsg.CreateTopicsRequest, t *kmsg.CreateTopicsRequestTopic) kmsg.CreateTopicsResponseTopic {
	c := cluster.CreateTopic{Name: t.Topic, Partitions: t.NumPartitions, ReplicationFactor: t.ReplicationFactor}
	var code int16
	var why string
	if c.Configs, code, why = configsOf(t.Configs); code != 0 {
		return refuseTopic(t.Topic, code, why)
	}
	if c.Assignment, code, why = assignmentOf(t.ReplicaAssignment); code != 0 {
		return refuseTopic(t.Topic, code, why)
	}
	c.Assignment, c.Owners = e.placed(c.Assignment)
	if len(c.Assignment) == 0 && c.Partitions == -1 {
		c.Partitions = int32(e.Cfg.Int("num.partitions"))
	}
	var im *cluster.Image
	if req.ValidateOnly {
		c.ID = [16]byte{0: 0xff} // any that is free: the image is thrown away
		im, code, why = e.Image().Apply(c)
	} else {
		im, code, why = e.Control.Mutate(c)
	}
	if code != 0 {
		return refuseTopic(t.Topic, code, why)
	}
	made := im.Topic([]byte(t.Topic))
	if made == nil {
		return refuseTopic(t.Topic, codeUnknownTopic, "the topic was deleted at once")
	}
	return createdTopic(made, req.ValidateOnly)
}

func createdTopic(t *cluster.Topic, pretended bool) kmsg.CreateTopicsResponseTopic {
	out := kmsg.NewCreateTopicsResponseTopic()
	out.Topic, out.NumPartitions, out.ReplicationFactor = t.Name, int32(len(t.Parts)), int16(len(t.Parts[0].Replicas))
	if !pretended {
		out.TopicID = t.ID
	}
	for i := range cluster.TopicConfigs {
		tc := &cluster.TopicConfigs[i]
		value := tc.Value(&t.Log)
		c := kmsg.NewCreateTopicsResponseTopicConfig()
		c.Name, c.Value, c.Source = tc.Name, &value, int8(kmsg.ConfigSourceDefaultConfig)
		if _, set := t.Configs[tc.Name]; set {
			c.Source = int8(kmsg.ConfigSourceDynamicTopicConfig)
		}
		out.Configs = append(out.Configs, c)
	}
	return out
}

func configsOf(in []kmsg.CreateTopicsRequestTopicConfig) (map[string]string, int16, string) {
	if len(in) == 0 {
		return nil, 0, ""
	}
	out := make(map[string]string, len(in))
	for i := range in {
		if in[i].Value == nil {
			return nil, codeInvalidConfig, fmt.Sprintf("topic config %s is null", in[i].Name)
		}
		if _, twice := out[in[i].Name]; twice {
			return nil, codeInvalidConfig, fmt.Sprintf("topic config %s is given twice", in[i].Name)
		}
		out[in[i].Name] = *in[i].Value
	}
	return out, 0, ""
}

// assignmentOf orders a manual assignment by partition. That the replicas exist
// is the cluster's to say.
func assignmentOf(in []kmsg.CreateTopicsRequestTopicReplicaAssignment) ([][]int32, int16, string) {
	if len(in) == 0 {
		return nil, 0, ""
	}
	by := make(map[int32][]int32, len(in))
	for i := range in {
		by[in[i].Partition] = in[i].Replicas
	}
	out := make([][]int32, 0, len(in))
	for n, p := range slices.Sorted(maps.Keys(by)) {
		if int32(n) != p {
			break
		}
		out = append(out, by[p])
	}
	if len(out) != len(in) {
		return nil, codeInvalidAssignment, "the assignment must name every partition once, from 0 on"
	}
	return out, 0, ""
}
