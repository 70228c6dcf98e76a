package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
)

// DeleteTopics, key 20. Served 1-6.
//
// Behaviour: topics go one by one, each answered on its own: unknown ones with
// UNKNOWN_TOPIC_OR_PARTITION, or UNKNOWN_TOPIC_ID when named by id. A topic
// named by both name and id, by neither, or twice is INVALID_REQUEST. An id is
// never used again.
//
// Versions: 4 flexible, 5 messages (KIP-599), 6 by id (KIP-516).

func answerDeleteTopics(e *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.DeleteTopicsRequest)
	resp := req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	asked := req.Topics
	if req.Version < 6 {
		asked = make([]kmsg.DeleteTopicsRequestTopic, len(req.TopicNames))
		for i := range asked {
			asked[i].Topic = &req.TopicNames[i]
		}
	}
	seen := map[string]bool{}
	for i := range asked {
		t := kmsg.NewDeleteTopicsResponseTopic()
		t.Topic, t.TopicID = asked[i].Topic, asked[i].TopicID
		code, why := deleteTopic(e, &t, seen)
		t.ErrorCode, t.ErrorMessage = code, message(why)
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// deleteTopic fills in what t lacks, name or id, and deletes the topic.
func deleteTopic(e *Env, t *kmsg.DeleteTopicsResponseTopic, seen map[string]bool) (int16, string) {
	zero := [16]byte{}
	var topic *cluster.Topic
	switch {
	case t.Topic == nil && t.TopicID == zero:
		return codeInvalidRequest, "neither name nor id"
	case t.Topic != nil && t.TopicID != zero:
		return codeInvalidRequest, "both name and id"
	case t.Topic == nil:
		if topic = e.Image().TopicByID(t.TopicID); topic == nil {
			return codeUnknownTopicID, "no topic has this id"
		}
	default:
		if topic = e.Image().Topic([]byte(*t.Topic)); topic == nil {
			return codeUnknownTopic, "no topic has this name"
		}
	}
	if seen[topic.Name] {
		return codeInvalidRequest, "the topic is named more than once"
	}
	seen[topic.Name] = true
	// By id, so that a topic which came back under its name meanwhile stays.
	if _, code, why := e.Control.Mutate(cluster.DeleteTopic{ID: topic.ID}); code != 0 {
		return code, why
	}
	t.Topic, t.TopicID = &topic.Name, topic.ID
	return 0, ""
}
