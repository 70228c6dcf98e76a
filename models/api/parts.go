package api

import (
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/partition"
)

// part is one partition of a request that goes through kmsg; R is where its
// answer belongs, which is filled with what an unanswered part says.
type part[R any] struct {
	topic        *cluster.Topic
	index        int32
	currentEpoch int32
	answer       *R
}

// partsOf is what PartOps have in common.
type partsOf[R any] struct{ parts []part[R] }

func (o *partsOf[R]) Len() int { return len(o.parts) }

func (o *partsOf[R]) Part(i int) (*cluster.Topic, int32) { return o.parts[i].topic, o.parts[i].index }

// refused is the code with which a part is answered before its partition is
// asked anything.
func (pt *part[R]) refused(p *partition.Partition) int16 {
	switch {
	case p == nil:
		return codeNotLeader
	case p.ID != pt.topic.ID:
		return codeUnknownTopic
	}
	return checkEpoch(pt.currentEpoch, p.LeaderEpoch)
}

// find is the topic of a part, or the code with which it is answered.
func (e *Env) find(name string, index int32) (*cluster.Topic, int16) {
	t := e.Image().Topic([]byte(name))
	if t == nil {
		return nil, codeUnknownTopic
	}
	pm := partMeta(t, index)
	switch {
	case pm == nil:
		return nil, codeUnknownTopic
	case !e.leads(pm):
		return nil, codeNotLeader
	}
	return t, 0
}

// message is a nullable string, null when empty.
func message(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
