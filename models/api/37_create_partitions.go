package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
)

// CreatePartitions, key 37. Served 0-3.
//
// Behaviour: raises the number of partitions of a topic to count; existing ones
// stay where they are. Fewer or as many is INVALID_PARTITIONS. An assignment
// must give each new partition to this broker and nobody else. A topic named
// twice is INVALID_REQUEST. Validate-only answers as if, and changes nothing.
//
// Versions: 2 flexible, 3 a new error for throttling (KIP-599).

func answerCreatePartitions(e *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.CreatePartitionsRequest)
	resp := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	named := map[string]int{}
	for i := range req.Topics {
		named[req.Topics[i].Topic]++
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		out := kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = t.Topic
		switch n := named[t.Topic]; {
		case n == 0:
			continue // answered already
		case n > 1:
			named[t.Topic] = 0
			out.ErrorCode, out.ErrorMessage = codeInvalidRequest, message("the topic is named more than once")
		default:
			var why string
			out.ErrorCode, why = createPartitions(e, t, req.ValidateOnly)
			out.ErrorMessage = message(why)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func createPartitions(e *Env, t *kmsg.CreatePartitionsRequestTopic, pretend bool) (code int16, why string) {
	c := cluster.CreatePartitions{Name: t.Topic, Count: t.Count}
	for i := range t.Assignment {
		c.Assignment = append(c.Assignment, t.Assignment[i].Replicas)
	}
	c.Assignment, c.Owners = e.placed(c.Assignment)
	if pretend {
		_, code, why = e.Image().Apply(c)
	} else {
		_, code, why = e.Control.Mutate(c)
	}
	return code, why
}
