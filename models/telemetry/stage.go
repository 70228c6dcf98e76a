package telemetry

// Stage names a stretch of a request's life, between two stamps.
type Stage int

// The first nine stages partition the total; the last three are sums of
// neighbours that Kafka reports under these names.
const (
	Receive         Stage = iota // t1-t0: the rest of the frame arrives
	Decode                       // t2-t1: parse on the connection's thread
	Offer                        // t3-t2: until the queue or mailbox has room
	Handoff                      // t4-t3: in the queue or mailbox
	Local                        // t5-t4: append or read, locks included
	Remote                       // t6-t5: durability, replicas, min bytes or time
	Encode                       // t7-t6: build the response
	ResponseHandoff              // t8-t7: until the connection's owner takes it
	ResponseSend                 // t9-t8: until the kernel has the last byte
	RequestQueue                 // t4-t1: Kafka's RequestQueueTime, decoding included
	ResponseQueue                // t8-t6: Kafka's ResponseQueueTime, encoding included
	Total                        // t9-t0; Kafka's TotalTime is Total less Receive
	StageCount

	// Parts is how many stages, from Receive on, partition the total.
	Parts = int(ResponseSend) + 1
)

// span is the pair of stamps that a stage lies between.
var span = [StageCount]struct{ from, to Stamp }{
	Receive: {Readable, Framed}, Decode: {Framed, Decoded}, Offer: {Decoded, Offered},
	Handoff: {Offered, Started}, Local: {Started, LocalDone}, Remote: {LocalDone, Satisfied},
	Encode: {Satisfied, Encoded}, ResponseHandoff: {Encoded, Dequeued}, ResponseSend: {Dequeued, Sent},
	RequestQueue: {Framed, Started}, ResponseQueue: {Satisfied, Dequeued}, Total: {Readable, Sent},
}

var stageNames = [StageCount]string{
	"Receive", "Decode", "Offer", "Handoff", "Local", "Remote", "Encode",
	"ResponseHandoff", "ResponseSend", "RequestQueue", "ResponseQueue", "Total",
}

// String is the stage's name in labels and tags.
func (s Stage) String() string { return stageNames[s] }

// Class groups API keys: the two that carry data have histograms of their own.
type Class int

// The classes of requests.
const (
	Produce Class = iota
	Fetch
	Other
	ClassCount
)

// ClassOf maps an API key of the protocol to its class.
func ClassOf(api int16) Class {
	switch api {
	case 0:
		return Produce
	case 1:
		return Fetch
	}
	return Other
}

var classNames = [ClassCount]string{"produce", "fetch", "other"}

// String is the class's name in labels and tags.
func (c Class) String() string { return classNames[c] }

var stampNames = [StampCount]string{
	"Readable", "Framed", "Decoded", "Offered", "Started",
	"LocalDone", "Satisfied", "Encoded", "Dequeued", "Sent",
}

// String is the stamp's name in labels.
func (s Stamp) String() string { return stampNames[s] }
