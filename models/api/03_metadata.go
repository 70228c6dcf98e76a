package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
)

// Metadata, key 3. Served 0-13.
//
// Behaviour:
//   - Answers from the image: nodes, topics, partitions, leaders. With direct
//     routing every shard is a node, and a partition's leader is its owner.
//   - No topics asked means all of them before version 1; from then on null
//     means all and an empty list none.
//   - A topic that does not exist is created when client and broker allow it,
//     and answered as it then is; otherwise UNKNOWN_TOPIC_OR_PARTITION, or
//     UNKNOWN_TOPIC_ID when asked by id.
//   - Authorized operations are those of a cluster without an authorizer, and
//     INT32_MIN when not asked for.
//
// Versions: 1 controller and rack, 2 cluster id, 4 leaves creation to the client
// (before it is always meant), 5 offline replicas (KIP-112), 7 leader epochs
// (KIP-320), 8-10 authorized operations (KIP-430; of the cluster no more since
// 11), 9 flexible, 10 topic ids, 12 asks by id (KIP-516), 13 an error of its own.

func placeMetadata(e *Env, in kmsg.Request) Place {
	req := in.(*kmsg.MetadataRequest)
	if !mayCreate(e, req) {
		return Anywhere
	}
	im := e.Image()
	for i := range req.Topics {
		if t := req.Topics[i].Topic; t != nil && im.Topic([]byte(*t)) == nil {
			return Controller
		}
	}
	return Anywhere
}

func mayCreate(e *Env, req *kmsg.MetadataRequest) bool {
	return (req.AllowAutoTopicCreation || req.Version < 4) && e.Cfg.Int("auto.create.topics.enable") == 1
}

func answerMetadata(e *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.MetadataRequest)
	resp := req.ResponseKind().(*kmsg.MetadataResponse)
	for i := range e.Nodes {
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = e.Nodes[i].ID, e.Nodes[i].Host, e.Nodes[i].Port, message(e.Nodes[i].Rack)
		resp.Brokers = append(resp.Brokers, b)
	}
	resp.ClusterID, resp.ControllerID = &e.ClusterID, e.Nodes[0].ID
	if req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = clusterOperations
	}
	if req.Topics == nil || req.Version == 0 && len(req.Topics) == 0 {
		for _, t := range e.Image().Topics() {
			resp.Topics = append(resp.Topics, metadataTopic(e, req, t))
		}
		return resp
	}
	create := mayCreate(e, req)
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, metadataOf(e, req, &req.Topics[i], create))
	}
	return resp
}

// metadataOf answers for one topic that was asked for.
func metadataOf(e *Env, req *kmsg.MetadataRequest, asked *kmsg.MetadataRequestTopic, create bool) kmsg.MetadataResponseTopic {
	refused := kmsg.NewMetadataResponseTopic()
	refused.Topic, refused.TopicID = asked.Topic, asked.TopicID
	if asked.Topic == nil {
		if t := e.Image().TopicByID(asked.TopicID); t != nil && req.Version >= 12 {
			return metadataTopic(e, req, t)
		}
		refused.ErrorCode = codeUnknownTopicID
		if req.Version < 12 {
			empty := "" // a name cannot be null yet
			refused.Topic, refused.ErrorCode = &empty, codeInvalidRequest
		}
		return refused
	}
	if req.Version < 12 && asked.TopicID != [16]byte{} {
		refused.ErrorCode = codeInvalidRequest
		return refused
	}
	t := e.Image().Topic([]byte(*asked.Topic))
	if t == nil {
		t, refused.ErrorCode = autoCreate(e, *asked.Topic, create)
	}
	if t == nil {
		return refused
	}
	return metadataTopic(e, req, t)
}

// autoCreate makes a topic with the broker's defaults, where that is allowed.
func autoCreate(e *Env, name string, allowed bool) (*cluster.Topic, int16) {
	if err := cluster.ValidateTopicName(name); err != nil {
		return nil, codeInvalidTopic
	}
	if !allowed {
		return nil, codeUnknownTopic
	}
	im, code, _ := e.Control.Mutate(cluster.CreateTopic{
		Name: name, Partitions: int32(e.Cfg.Int("num.partitions")), ReplicationFactor: 1,
	})
	if code == codeTopicExists { // another request was faster
		im, code = e.Image(), 0
	}
	if code != 0 {
		return nil, code
	}
	t := im.Topic([]byte(name))
	if t == nil {
		return nil, codeUnknownTopic // and deleted it again
	}
	return t, 0
}

func metadataTopic(e *Env, req *kmsg.MetadataRequest, t *cluster.Topic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID = &t.Name, t.ID
	if req.IncludeTopicAuthorizedOperations {
		out.AuthorizedOperations = topicOperations
	}
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Parts))
	for i := range t.Parts {
		pm, p := &t.Parts[i], &out.Partitions[i]
		p.Default()
		p.Partition, p.Leader, p.LeaderEpoch = int32(i), e.leader(pm), pm.LeaderEpoch
		p.Replicas, p.ISR = e.nodes(pm, pm.Replicas), e.nodes(pm, pm.ISR)
	}
	return out
}

// Authorized operations as sets of bits: bit n is the operation that access
// control lists number n.
const (
	topicOperations   = opRead | opWrite | opCreate | opDelete | opAlter | opDescribe | opDescribeConfigs | opAlterConfigs
	clusterOperations = opCreate | opAlter | opDescribe | opClusterAction | opDescribeConfigs | opAlterConfigs | opIdempotentWrite

	opRead            = 1 << 3
	opWrite           = 1 << 4
	opCreate          = 1 << 5
	opDelete          = 1 << 6
	opAlter           = 1 << 7
	opDescribe        = 1 << 8
	opClusterAction   = 1 << 9
	opDescribeConfigs = 1 << 10
	opAlterConfigs    = 1 << 11
	opIdempotentWrite = 1 << 12
)
