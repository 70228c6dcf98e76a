package telemetry

// Span names a stretch of time within a broker that belongs to no one request.
// Spans are recorded as stages are: by the thread that sees them end, in its own
// bank, and they start anew with the stages.
type Span int

// What spans there are. A model records those that it has.
const (
	// Hop is from the sending of a message to another shard until that shard
	// takes it up; one message in [HopSample] is timed.
	Hop Span = iota
	// Queue is from asking for a device operation until the kernel has it,
	// Service from then until its completion is seen. By the operation's class:
	// what producers wait for, what consumers read, what nobody waits for.
	ProduceQueue
	ProduceService
	FetchQueue
	FetchService
	BackgroundQueue
	BackgroundService
	SpanCount
)

// HopSample is how many messages there are for each that is timed.
const HopSample = 64

var spanNames = [SpanCount]string{
	"mesh/Hop", "device/ProduceQueue", "device/ProduceService", "device/FetchQueue", "device/FetchService",
	"device/BackgroundQueue", "device/BackgroundService",
}

// String is the span's name in labels and tags.
func (s Span) String() string { return spanNames[s] }

// Span counts one span of ns. The recorder's thread only.
func (r *Recorder) Span(s Span, ns int64) { r.live.Spans[s].Record(ns) }

// spanFamily is the spans' histograms, cut as those of the stages are.
func spanFamily(st *Stages) family {
	f := family{
		name: "ceteris_span_seconds", kind: KindGauge,
		help: "Time of messages between shards and of device operations, since the stages were reset.",
	}
	for s := range SpanCount {
		if h := &st.Bank.Spans[s]; h.Count > 0 {
			f.points = append(f.points, point{labels: []Label{{"span", s.String()}}, hist: h.distribution()})
		}
	}
	return f
}
