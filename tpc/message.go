package tpc

// A message is what shards say to each other. It carries pointers into the
// sender's request; from the moment it is sent until the answer arrives the
// receiver alone may touch what the message names.
type message struct {
	kind   messageKind
	part   int32
	req    *request
	fd     int32
	sentNs uint32 // see hop; 0: this one is not timed
}

type messageKind uint8

const (
	msgProduce     messageKind = iota // to the owner: apply produce part `part` of req
	msgProduceDone                    // home again: the part is finished
	msgFetch                          // to the owner: serve fetch leg `part` of req
	msgFetchDone                      // home again: the leg has what it could get
	msgFetchCancel                    // to the owner: answer the leg with what there is
	msgCancelAck                      // home again: no cancel is under way any more
	msgSeek                           // round the shards: give up the session of req
	msgSeekDone                       // home again, with the session or without
	msgCold                           // to the owner: apply cold part `part` of req
	msgColdDone                       // home again
	msgAccept                         // to the least loaded: a connection, with its ticket in `part`
	msgAccepted                       // back to who accepted it: it was taken in
	msgRoom                           // to a shard that keeps connections waiting: one has closed
	msgFence                          // to a shard that something leaves: nothing sent by an older image follows
	msgBorrow                         // to the shard with most memory: lend `part` spans of 2^`fd` bytes
	msgLent                           // home again: what was lent is in the asker's loans
	msgRecall                         // to a borrower: its lender wants memory back
	msgBook                           // to the keeper of the client's quotas: book req
	msgBooked                         // home again
	msgKnock                          // to the door: may the connection `fd` come in
	msgOpened                         // home again: with ticket `part`, after `fd` ms
	msgLeft                           // to the door: the connection of ticket `part` has gone
	msgGone                           // home again
	messageKinds
)
