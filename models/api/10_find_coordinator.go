package api

import "github.com/twmb/franz-go/pkg/kmsg"

// FindCoordinator, key 10. Served 0-6.
//
// Behaviour: COORDINATOR_NOT_AVAILABLE for every key, which clients retry. This
// broker coordinates neither groups nor transactions; it speaks the API because
// clients ask before they know.
//
// Versions: 1 transactions, 3 flexible, 4 many keys at once (KIP-699), 5 and 6
// new kinds of keys (KIP-890, KIP-932).

const noCoordinators = "this broker has no coordinators"

func answerFindCoordinator(_ *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.FindCoordinatorRequest)
	resp := req.ResponseKind().(*kmsg.FindCoordinatorResponse)
	resp.NodeID, resp.Port = -1, -1
	if req.Version < 4 {
		resp.ErrorCode, resp.ErrorMessage = codeCoordinatorNotAvailable, message(noCoordinators)
		return resp
	}
	for _, key := range req.CoordinatorKeys {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Port = key, -1, -1
		c.ErrorCode, c.ErrorMessage = codeCoordinatorNotAvailable, message(noCoordinators)
		resp.Coordinators = append(resp.Coordinators, c)
	}
	return resp
}
