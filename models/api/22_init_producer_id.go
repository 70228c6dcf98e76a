package api

import "github.com/twmb/franz-go/pkg/kmsg"

// InitProducerId, key 22. Served 0-5.
//
// Behaviour: a producer without a transactional id gets an id that no producer
// had before, with epoch 0, whatever id it had. A transactional id is refused
// with TRANSACTIONAL_ID_AUTHORIZATION_FAILED, which clients take as final: this
// broker has no transactions, and an error they retry would hang them. An empty
// one is INVALID_REQUEST.
//
// Versions: 2 flexible, 3 carries the id a producer had (KIP-360), 4 and 5 new
// errors (KIP-588, KIP-890).

func answerInitProducerID(e *Env, in kmsg.Request) kmsg.Response {
	req := in.(*kmsg.InitProducerIDRequest)
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	if req.TransactionalID != nil {
		resp.ErrorCode = codeTransactions
		if *req.TransactionalID == "" {
			resp.ErrorCode = codeInvalidRequest
		}
		return resp
	}
	id, code := e.Control.NextProducerID()
	if resp.ErrorCode = code; code == 0 {
		resp.ProducerID, resp.ProducerEpoch = id, 0
	}
	return resp
}
