package api

import "github.com/twmb/franz-go/pkg/kerr"

// The protocol's error codes that this package gives, resolved once: kerr keeps
// them behind pointers, and the data path compares them.
var (
	codeCoordinatorNotAvailable = kerr.CoordinatorNotAvailable.Code
	codeFencedEpoch             = kerr.FencedLeaderEpoch.Code
	codeInconsistentTopicID     = kerr.InconsistentTopicID.Code
	codeInvalidAcks             = kerr.InvalidRequiredAcks.Code
	codeInvalidAssignment       = kerr.InvalidReplicaAssignment.Code
	codeInvalidRecord           = kerr.InvalidRecord.Code
	codeInvalidRequest          = kerr.InvalidRequest.Code
	codeInvalidSessionEpoch     = kerr.InvalidFetchSessionEpoch.Code
	codeNotLeader               = kerr.NotLeaderForPartition.Code
	codeOutOfRange              = kerr.OffsetOutOfRange.Code
	codeSessionNotFound         = kerr.FetchSessionIDNotFound.Code
	codeSessionTopicID          = kerr.FetchSessionTopicIDError.Code
	codeStorage                 = kerr.KafkaStorageError.Code
	codeTransactions            = kerr.TransactionalIDAuthorizationFailed.Code
	codeUnknownEpoch            = kerr.UnknownLeaderEpoch.Code
	codeUnknownTopic            = kerr.UnknownTopicOrPartition.Code
	codeUnknownTopicID          = kerr.UnknownTopicID.Code
	codeUnsupportedCodec        = kerr.UnsupportedCompressionType.Code
	codeUnsupportedEndpoint     = kerr.UnsupportedEndpointType.Code
	codeUnsupportedVersion      = kerr.UnsupportedVersion.Code
	codeMismatchedEndpoint      = kerr.MismatchedEndpointType.Code
	codeTopicExists             = kerr.TopicAlreadyExists.Code
	codeInvalidConfig           = kerr.InvalidConfig.Code
	codeInvalidTopic            = kerr.InvalidTopicException.Code
)

// noOffset is what a response says where there is no offset.
const noOffset int64 = -1

// noTransactions tells a client why it was refused.
const noTransactions = "this broker has no transactions"
