package result

import (
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
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
	// Hiccups are what a thread with nothing to do suffered meanwhile; null where
	// no probe ran.
	Hiccups *host.Hiccups `json:"hiccups,omitempty"`
	// CPUPerMessageNs is the broker's CPU time per acknowledged message over
	// the measured window; 0 when nothing was acknowledged.
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

// ServerCounters are differences of the broker process's counters over the
// measured window. A null means that the kernel does not tell.
type ServerCounters struct {
	WindowNs    int64  `json:"window_ns"`
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
	ReadBytes  *int64 `json:"read_bytes,omitempty"`
	WriteBytes *int64 `json:"write_bytes,omitempty"`
	Threads    int    `json:"threads"`
	// Cycles and Instructions of all threads; null where the machine counts none,
	// and NoEvents says why.
	Cycles       *int64 `json:"cycles,omitempty"`
	Instructions *int64 `json:"instructions,omitempty"`
	NoEvents     string `json:"no_events,omitempty"`
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
