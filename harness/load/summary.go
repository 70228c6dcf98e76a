package load

// Summary is what one load came to. Counts concern the requests whose intended
// time lies in the measured window, unless said otherwise.
type Summary struct {
	Driver   string            `json:"driver"`
	Settings map[string]string `json:"settings"` // every setting of the driver, as used

	OfferedPerSec  float64 `json:"offered_per_sec"` // 0: closed loop
	AchievedPerSec float64 `json:"achieved_per_sec"`
	// AchievedRatio is acknowledged within the measured window over intended in
	// it; 1 for a closed loop. Below 0.99 the point is saturated.
	AchievedRatio float64 `json:"achieved_ratio"`

	Intended int64            `json:"intended"` // requests due
	Sent     int64            `json:"sent"`
	Acked    int64            `json:"acked"`
	Errors   map[string]int64 `json:"errors"` // by protocol code name, or transport
	// Censored is Failed + Outstanding + Unsent: requests that entered the
	// histograms at the value at which they were given up.
	Censored    int64 `json:"censored"`
	Failed      int64 `json:"failed"`
	Outstanding int64 `json:"outstanding"`
	Unsent      int64 `json:"unsent"`
	CapHits     int64 `json:"cap_hits"` // due, but its connection had its cap outstanding
	Clamped     int64 `json:"clamped"`  // above the histogram's range, recorded at its end
	Negative    int64 `json:"negative"` // below 0, recorded as 0
	// BacklogAtStart is what was due before measurement began and had not ended by
	// then: outstanding, queued, or not yet taken up by the generator.
	BacklogAtStart int64 `json:"backlog_at_start"`

	Records      int64 `json:"records"`       // acknowledged
	PayloadBytes int64 `json:"payload_bytes"` // record values acknowledged
	SentBytes    int64 `json:"sent_bytes"`    // frames sent, the whole run

	Response Quantiles `json:"response"`
	Service  Quantiles `json:"service"`
	Slip     Quantiles `json:"slip"`

	Consumer Consumer `json:"consumer"`
	Arrivals Arrivals `json:"arrivals"`
	// Classes are the requests of other kinds beside the produce load.
	Classes []ClassSummary `json:"classes,omitempty"`

	// Logged is how many requests the log of requests holds, and LogLost for how
	// many it had no room.
	Logged  int64 `json:"requests_logged,omitempty"`
	LogLost int64 `json:"requests_not_logged,omitempty"`

	Connections int  `json:"connections"`
	Idle        int  `json:"idle_connections,omitempty"` // still there at the end
	Threads     int  `json:"threads"`
	Busy        bool `json:"busy"`

	// The generator itself, over the measured window.
	CPUNs       int64  `json:"cpu_ns"` // user and system, all threads
	CPUUserNs   int64  `json:"cpu_user_ns"`
	CPUSystemNs int64  `json:"cpu_system_ns"`
	GCCycles    uint64 `json:"gc_cycles"`
	Allocs      uint64 `json:"allocs"`

	// The measured window on both clocks; the monotonic one is CLOCK_MONOTONIC,
	// which every process of the machine shares.
	StartUnixNs      int64   `json:"start_unix_ns"`
	EndUnixNs        int64   `json:"end_unix_ns"`
	StartMonotonicNs int64   `json:"start_monotonic_ns"`
	EndMonotonicNs   int64   `json:"end_monotonic_ns"`
	IntervalSec      float64 `json:"interval_sec"`
}

// Quantiles are of one histogram, in ns.
type Quantiles struct {
	Count  int64   `json:"count"`
	P50Ns  int64   `json:"p50_ns"`
	P90Ns  int64   `json:"p90_ns"`
	P99Ns  int64   `json:"p99_ns"`
	MaxNs  int64   `json:"max_ns"`
	MeanNs float64 `json:"mean_ns"`
}

// Consumer is what the tail consumers saw over the whole run, except for EndToEnd,
// which concerns the records intended in the measured window.
type Consumer struct {
	Consumers int       `json:"consumers"`
	Fetches   int64     `json:"fetches"`
	Records   int64     `json:"records"`
	Bytes     int64     `json:"bytes"` // record batches
	EndToEnd  Quantiles `json:"e2e"`   // receipt − intended time
	// Censored is how many of these never came, of requests that were given up too;
	// they are in at the timeout, or what they had waited when the run ended.
	Censored   int64 `json:"e2e_censored,omitempty"`
	Negative   int64 `json:"negative"`   // end-to-end times below 0, recorded as 0
	Lost       int64 `json:"lost"`       // acknowledged, never fetched
	Duplicated int64 `json:"duplicated"` // fetched again
	Reordered  int64 `json:"reordered"`  // behind a later record of its stream
	Corrupt    int64 `json:"corrupt"`    // wrong CRC, or not a record of this run
	Unstamped  int64 `json:"unstamped"`  // too small to carry a header: not checked
	Errors     int64 `json:"errors"`     // error codes in fetch responses
	// Drained says whether everything acknowledged was fetched in time.
	Drained bool `json:"drained"`
	// Backlog is there when the consumers paused.
	Backlog *Backlog `json:"backlog,omitempty"`
}

// Backlog is what gathered while the consumers paused, and how they drained it
// while the load went on. Of several consumers, each has a backlog of its own:
// records and bytes are sums, times are the slowest's.
type Backlog struct {
	PauseSec float64 `json:"pause_sec"`
	Records  int64   `json:"records"` // acknowledged and not fetched as they went on
	// DrainNs is from there until all of these were fetched, and CaughtUpNs until
	// a fetch brought all that was acknowledged when it was sent; -1: never.
	DrainNs    int64 `json:"drain_ns"`
	CaughtUpNs int64 `json:"caught_up_ns"`
	// Fetched is the records and Bytes the record batches that came meanwhile,
	// until the backlog was drained.
	Fetched       int64   `json:"fetched"`
	Bytes         int64   `json:"bytes"`
	RecordsPerSec float64 `json:"records_per_sec"`
	BytesPerSec   float64 `json:"bytes_per_sec"`
}

// add sums consumers up.
func (b *Backlog) add(other *Backlog) {
	slowest := func(a, b int64) int64 {
		if a < 0 || b < 0 {
			return -1
		}
		return max(a, b)
	}
	b.Records += other.Records
	b.Fetched += other.Fetched
	b.Bytes += other.Bytes
	b.DrainNs, b.CaughtUpNs = slowest(b.DrainNs, other.DrainNs), slowest(b.CaughtUpNs, other.CaughtUpNs)
	b.RecordsPerSec, b.BytesPerSec = 0, 0
	if b.DrainNs > 0 {
		b.RecordsPerSec = float64(b.Fetched) / (float64(b.DrainNs) / 1e9)
		b.BytesPerSec = float64(b.Bytes) / (float64(b.DrainNs) / 1e9)
	}
}

// ClassSummary is what one class of requests beside the produce load came to; its
// fields mean what those of [Summary] do.
type ClassSummary struct {
	Class         string           `json:"class"`
	OfferedPerSec float64          `json:"offered_per_sec"`
	Intended      int64            `json:"intended"`
	Sent          int64            `json:"sent"`
	Acked         int64            `json:"acked"`
	Errors        map[string]int64 `json:"errors"`
	Censored      int64            `json:"censored"`
	Failed        int64            `json:"failed"`
	Outstanding   int64            `json:"outstanding"`
	Unsent        int64            `json:"unsent"`
	CapHits       int64            `json:"cap_hits"`
	Clamped       int64            `json:"clamped"`
	Negative      int64            `json:"negative"`
	Bytes         int64            `json:"bytes"` // record batches fetched, or answers
	Response      Quantiles        `json:"response"`
	Service       Quantiles        `json:"service"`
	Slip          Quantiles        `json:"slip"`
	Arrivals      Arrivals         `json:"arrivals"`
}

// Arrivals compares the times of actual sends with the law that was asked for.
type Arrivals struct {
	Law string `json:"law"`
	N   int    `json:"n"` // gaps looked at
	// KS is the Kolmogorov-Smirnov distance of the realised gaps from their law
	// (exponential, gamma or Weibull) at the offered rate, in operational time where
	// the rate moves ([workloads.Schedule.Operational]); KSCritical is its 1 %
	// critical value 1.628/sqrt(n). Both are 0 of gaps that are all alike or a trace's.
	KS         float64 `json:"ks,omitempty"`
	KSCritical float64 `json:"ks_critical,omitempty"`
	GapMeanNs  float64 `json:"gap_mean_ns"`
	GapCV      float64 `json:"gap_cv"` // 1 for a Poisson process, 0 for a constant rate
	// Dispersion is the variance of the number of sends in a window over its
	// mean: 1 for a Poisson process, more for bursts. DispersionIntended is that
	// of the intended times. Absent where fewer than ten windows are whole.
	Dispersion         *float64 `json:"dispersion,omitempty"`
	DispersionIntended *float64 `json:"dispersion_intended,omitempty"`
	DispersionWindowNs int64    `json:"dispersion_window_ns,omitempty"`
}
