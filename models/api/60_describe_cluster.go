package api

import "github.com/twmb/franz-go/pkg/kmsg"

// DescribeCluster, key 60. Served 0-2.
//
// Behaviour: the brokers and the cluster's id, from the image. Authorized
// operations as in Metadata. Controllers have no endpoints of their own, so
// asking for those is MISMATCHED_ENDPOINT_TYPE, and for anything else
// UNSUPPORTED_ENDPOINT_TYPE.
//
// Versions: 1 the kind of endpoint (KIP-919), 2 fenced brokers (KIP-1073), of
// which there are none.

func answerDescribeCluster(e *Env, in kmsg.Request) kmsg.Response {
	const brokers, controllers = 1, 2
	req := in.(*kmsg.DescribeClusterRequest)
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	if req.Version >= 1 && req.EndpointType != brokers {
		resp.ErrorCode = codeUnsupportedEndpoint
		if req.EndpointType == controllers {
			resp.ErrorCode = codeMismatchedEndpoint
		}
		return resp
	}
	resp.ClusterID, resp.ControllerID = e.ClusterID, e.Nodes[0].ID
	for i := range e.Nodes {
		b := kmsg.NewDescribeClusterResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = e.Nodes[i].ID, e.Nodes[i].Host, e.Nodes[i].Port, message(e.Nodes[i].Rack)
		resp.Brokers = append(resp.Brokers, b)
	}
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	return resp
}
