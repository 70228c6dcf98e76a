package result

import (
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/probe"
	"github.com/ceteris/ceteris/models/telemetry"
)

// CellSchema is the version of cell.json.
const CellSchema = "ceteris-cell/1"

// CellRecord is one cell: one broker process under one load.
type CellRecord struct {
	Schema     string  `json:"schema"`
	ID         string  `json:"id"` // unique within its block
	Block      int     `json:"block"`
	Position   int     `json:"position"` // within the block, in the order run
	Workload   string  `json:"workload"`
	Durability string  `json:"durability"`
	Arm        string  `json:"arm"` // of a replicate: the arm that it repeats
	Model      string  `json:"model"`
	Replicate  bool    `json:"replicate"`    // the second run of its arm in this block: the A/A null
	LoadPerSec float64 `json:"load_per_sec"` // requests offered per second; 0 = closed loop
	// Probe, from 1, of a search for the capacity in this block, or Fraction of what
	// the search found; the run decided the load.
	Probe    int     `json:"probe,omitempty"`
	Fraction float64 `json:"fraction,omitempty"`
	StartUTC string  `json:"start_utc"`
	// PrewarmBytes of memory were touched before the broker started, for its page
	// cache.
	PrewarmBytes int64 `json:"prewarm_bytes"`

	Load   load.Summary   `json:"load"`
	Server ServerCounters `json:"server"`
	Noise  host.Noise     `json:"noise"` // over the measured window
	// Faults are what was done to the broker on purpose.
	Faults []Fault `json:"faults,omitempty"`
	// Hiccups are what a thread with nothing to do suffered meanwhile; null where
	// no probe ran.
	Hiccups *host.Hiccups `json:"hiccups,omitempty"`
	// Prober is what an independent client saw meanwhile; null where none ran.
	Prober *probe.Summary `json:"prober,omitempty"`
	// CPUPerMessageNs is the broker's CPU time per acknowledged message
	// ([CellRecord.Counted]) over the counters' window; 0 when nothing was acknowledged.
	CPUPerMessageNs float64  `json:"cpu_per_message_ns"`
	Affinity        Affinity `json:"affinity"`
	Gates           []Gate   `json:"gates"`
	// Valid is true when the cell ran to its end and every gate passed. Others
	// are kept and left out of figures.
	Valid bool   `json:"valid"`
	Error string `json:"error,omitempty"` // what ended the cell early

	// Dir is where the cell's files are; set when read.
	Dir string `json:"-"`
}

// Fault is something that was done to the broker. Times are from the start of the
// measured window.
type Fault struct {
	AtNs int64 `json:"at_ns"` // planned
	// StallNs is how long threads were to stand still, or SlowNs how much longer a
	// produce part was to take, for ForNs.
	StallNs int64 `json:"stall_ns,omitempty"`
	SlowNs  int64 `json:"slow_ns,omitempty"`
	ForNs   int64 `json:"for_ns,omitempty"`
	// AskedNs is when the broker was asked, AnsweredNs when it said that it was over.
	AskedNs    int64 `json:"asked_ns"`
	AnsweredNs int64 `json:"answered_ns"`
	// Stood is the broker's account of the threads that stood still.
	Stood telemetry.Injected `json:"stood,omitzero"`
	Error string             `json:"error,omitempty"`
}

// Share is the counters' window as a share of the load's. It begins before that one,
// with the same load, because what is read then takes the generator's CPU and the
// broker's, and models unlike times; where the harness was kept waiting, after it. A
// harness that is kept waiting reads the counters late at the end as well, when the
// load is over; that is no more of the load's window, which only earlier versions,
// where the lag is not known, took it for.
func (c *CellRecord) Share() float64 {
	of := c.Load.EndMonotonicNs - c.Load.StartMonotonicNs
	if lag := c.Server.LagNs; of > 0 && lag != 0 {
		return float64(max(1, of-lag)) / float64(of)
	}
	if of > 0 && c.Server.WindowNs > 0 {
		return float64(c.Server.WindowNs) / float64(of)
	}
	return 1
}

// InTime is how much was acknowledged while the load's window lasted, whenever it was
// due, over what was due in it and was acknowledged, whenever that was. A broker that
// falls behind answers the rest behind the window, and the counters do not know what
// that costs.
func (c *CellRecord) InTime() float64 {
	of := c.Load.EndMonotonicNs - c.Load.StartMonotonicNs
	if of <= 0 || c.Load.Acked == 0 {
		return 1
	}
	return c.Load.AchievedPerSec * float64(of) / 1e9 / float64(c.Load.Acked)
}

// Held is how much of what was due in the load's window and acknowledged is in that of
// the counters, at an even rate.
func (c *CellRecord) Held() float64 { return c.Share() * c.InTime() }

// Counted is how many acknowledged records the counters' window holds. Costs per message
// are over these.
func (c *CellRecord) Counted() float64 { return float64(c.Load.Records) * c.Held() }

// ServerCounters are differences of the broker process's counters over the
// measured window. A null means that the kernel does not tell.
type ServerCounters struct {
	WindowNs int64 `json:"window_ns"`
	// LagNs is how long after the load's window began they were read first, negative
	// where it was before; 0 of earlier versions.
	LagNs       int64  `json:"lag_ns,omitempty"`
	CPURunNs    *int64 `json:"cpu_run_ns"` // exact CPU time
	CPUUserNs   int64  `json:"cpu_user_ns"`
	CPUSysNs    int64  `json:"cpu_sys_ns"`
	CtxVol      int64  `json:"ctx_voluntary"`
	CtxInvol    int64  `json:"ctx_involuntary"`
	Migrations  *int64 `json:"migrations"`
	MaxRSSBytes int64  `json:"max_rss_bytes"` // highest of the per-second samples
	GCCycles    *int64 `json:"gc_cycles"`
	// GoHeapBytes is the Go heap in use at the window's end; arenas are not in it.
	GoHeapBytes *int64 `json:"go_heap_bytes,omitempty"`
	// ReadBytes and WriteBytes is what the process caused to be read from and
	// written to storage; buffered writes count as their pages become dirty.
	ReadBytes        *int64 `json:"read_bytes,omitempty"`
	WriteBytes       *int64 `json:"write_bytes,omitempty"`
	Threads          int    `json:"threads"`
	host.EventCounts        // of all threads
	// PerThread is what each thread that was there at the end has cost.
	PerThread []host.ThreadCost `json:"per_thread,omitempty"`
}

// CPUNs is the CPU time of the window: the exact figure where there is one.
func (s *ServerCounters) CPUNs() int64 {
	if s.CPURunNs != nil {
		return *s.CPURunNs
	}
	return s.CPUUserNs + s.CPUSysNs
}

// Affinity is where each side should run and where its threads could.
type Affinity struct {
	BrokerWanted    []int `json:"broker_wanted"`
	BrokerGot       []int `json:"broker_got"`
	GeneratorWanted []int `json:"generator_wanted"`
	GeneratorGot    []int `json:"generator_got"`
}

// Gate is one condition that a cell must meet to count. An advisory gate is
// printed beside the cell's numbers and leaves it valid.
type Gate struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Advisory bool   `json:"advisory,omitempty"`
	Detail   string `json:"detail"`
}
