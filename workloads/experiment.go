package workloads

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ceteris/ceteris/models"
)

// Experiment is one experiment file as read, with every default filled in.
type Experiment struct {
	Name      string
	Question  string // echoed in the report
	Models    []Arm
	Grids     []FactorGrid // of some of them
	Replicate string       // Alternate, or the name of the arm that supplies the A/A null
	Blocks    int
	Repeats   int // of disturbed blocks, at most
	Seed      uint64
	Host      Host
	// MemoryBytes is what each broker may take for buffers and caches.
	MemoryBytes int64
	Driver      string // Raw | Franz
	Warmup      time.Duration
	Measure     time.Duration
	Loads       Loads
	Workloads   []*Workload
	Endpoints   Endpoints
	Claims      []Claim
	Stop        *Stop // nil: after Blocks
	Steady      Steady
	// Syscalls is who counts system calls.
	Syscalls string
	// Probes are the machine's own limits that are measured once a block.
	Probes []string
	// ProbePerSecond requests are sent beside each load by a client that shares no
	// code with the generator; a cell is marked where their times differ by more
	// than ProbeFactor.
	ProbePerSecond float64
	ProbeFactor    float64

	Source []byte // the file's text
}

// Alternate makes the arms take turns, block by block, in supplying the A/A null.
const Alternate = "alternate"

// The drivers of the load generator.
const (
	Raw   = "raw"
	Franz = "franz"
)

// Arm is one of the things compared: a model and the factors it is given on top
// of its preset.
type Arm struct {
	Name  string            `json:"name"`
	Model string            `json:"model"`
	Set   map[string]string `json:"set,omitempty"`

	Line int `json:"-"` // where the file names it, for errors found later
}

// Host says which CPUs the broker and the generator get: Auto or a list such as
// "0-1,4".
type Host struct {
	BrokerCPUs    string
	GeneratorCPUs string
}

// Auto leaves the division of the CPUs to the harness.
const Auto = "auto"

// Loads are the load points. Kind absolute counts requests of the produce class
// per second; kind closed has the one point 0: as fast as inflight allows.
type Loads struct {
	Kind      string
	PerSecond []float64
	Capacity  *Capacity // of kind capacity, which has no rates
}

// The kinds of load; see also CapacitySearch.
const (
	Absolute = "absolute"
	Closed   = "closed"
)

// Endpoints is what the experiment sets out to show: the primary endpoint and
// the smallest relative difference that would matter (region of practical
// equivalence). Baseline is the arm in every denominator; "" leaves it to the
// report, which then shows no requests per CPU-second beside it. Models says
// whether each arm is to be compared with the one before it.
type Endpoints struct {
	Primary   string
	Secondary []string
	Rope      float64
	Baseline  string
	Models    string
}

// What [Endpoints.Models] can be.
const (
	Alternatives = "alternatives"
	Ladder       = "ladder"
)

// Declares reports whether an endpoint is one of those that are tested.
func (e *Endpoints) Declares(endpoint string) bool {
	return endpoint == e.Primary || slices.Contains(e.Secondary, endpoint)
}

// Who counts system calls, [Experiment.Syscalls]: each broker for itself, or the
// kernel too.
const (
	SyscallsOwn    = "own"
	SyscallsKernel = "kernel"
)

// The limits of the machine that [Experiment.Probes] can name: sequential direct
// writes of 1 MiB on the brokers' CPUs, and one TCP connection over loopback from
// the generator's CPU to the brokers'.
const (
	ProbeDisk     = "disk"
	ProbeLoopback = "loopback"
)

// Workload is what one cell asks of its broker. It travels to the load
// generator as JSON.
type Workload struct {
	Name       string   `json:"name"`
	Durability []string `json:"durability"` // one cell per value
	Topics     int      `json:"topics"`
	Partitions int      `json:"partitions"` // of each topic
	// Connections of the produce class, spread over the leaders.
	Connections int `json:"connections"`
	// Inflight is how many requests one connection may have outstanding;
	// reaching it marks the load point.
	Inflight   int    `json:"inflight"`
	Acks       int16  `json:"acks"`     // -1 (all), 0 or 1
	Arrivals   string `json:"arrivals"` // the law, whose parameters Shape has
	Shape      Shape  `json:"shape,omitzero"`
	Keys       Law    `json:"keys"`
	Connection Law    `json:"connection"`
	// FanOut is how many partitions a request has a batch for; 0 is 1.
	FanOut          int     `json:"fan_out,omitempty"`
	RecordsPerBatch int     `json:"records_per_batch"`
	Size            SizeLaw `json:"size"`
	// Entropy is the share of random bytes in the payload; the rest repeats.
	Entropy float64 `json:"entropy"`
	// Consumers are tail consumers, each fetching every partition.
	Consumers int `json:"consumers"`
	// ConsumersPause is for how long they fetch nothing from the start of the
	// measured window on.
	ConsumersPause time.Duration `json:"consumers_pause_ns,omitempty"`
	Layout         string        `json:"layout,omitempty"` // Mixed, which "" is too, or Aligned
	Late           string        `json:"late,omitempty"`   // SendLate, which "" is too, or DropLate
	// IdleConnections stay silent beside the load.
	IdleConnections int     `json:"idle_connections,omitempty"`
	Classes         []Class `json:"classes,omitempty"`
	// GeneratorThreads is how many threads offer the load; 0 leaves it to the
	// generator.
	GeneratorThreads int `json:"generator_threads,omitempty"`
	// Overload is part of Shape too; here is what it is to show.
	Overload *Overload `json:"overload,omitempty"`
	Faults   []Fault   `json:"faults,omitempty"`
	// RequestLog has every so-many-th request of the measured window logged; 0 none.
	RequestLog int `json:"request_log,omitempty"`

	Loads *Loads `json:"loads,omitempty"` // in place of the experiment's

	// Family is the name that the file gave a workload of which it lists several
	// values of something; Swept is this one's values of what has several.
	Family string         `json:"-"`
	Swept  map[string]int `json:"-"`
}

// What a workload may list several values of, and how each is written in the
// names of the workloads that follow.
var sweepable = []struct{ key, mark string }{{"partitions", "p"}, {"connections", "c"}, {"inflight", "q"}}

// Mark is what key adds to the workload's name; "" where it has one value.
func (w *Workload) Mark(key string) string {
	for _, s := range sweepable {
		if v, ok := w.Swept[key]; ok && s.key == key {
			return "-" + s.mark + strconv.Itoa(v)
		}
	}
	return ""
}

// Law chooses one of n: a partition by key, or a connection.
type Law struct {
	Kind string  `json:"kind"`           // None | RoundRobin | Uniform | Zipf | Hotspot
	Zipf float64 `json:"zipf,omitempty"` // exponent of Zipf
	// Hot is the share of the n, rounded and at least one, that gets the share
	// HotLoad of the requests (Hotspot); within and without, all are alike.
	Hot     float64 `json:"hot,omitempty"`
	HotLoad float64 `json:"hot_load,omitempty"`
}

// The kinds of Law. None is what a producer without keys does: every batch goes
// to a partition drawn uniformly (a sticky partitioner turns at every batch) and
// its records carry no key.
const (
	None       = "none"
	RoundRobin = "round-robin"
	Uniform    = "uniform"
	Zipf       = "zipf"
	Hotspot    = "hotspot"
)

// CellSpec is one cell of a block: an arm, a workload, a durability and a load.
type CellSpec struct {
	// ID is <workload>-<durability>-<load>-<arm>; the replicate's arm is called
	// ReplicateArm in every block, whichever model supplies it.
	ID         string
	Workload   *Workload
	Durability models.Durability
	// LoadPerSec is requests per second; 0 is a closed loop, or a load that only
	// the run decides: Probe, counted from 1, of a search for the capacity, or
	// Fraction of what it found.
	LoadPerSec float64
	Probe      int
	Fraction   float64
	Arm        Arm
	Replicate  bool
}

// ReplicateArm names the A/A null among the arms of a block.
const ReplicateArm = "replicate"

// BaselineArm is the arm in every denominator: the declared one, or [BaselineOf].
func (e *Experiment) BaselineArm() string {
	if e.Endpoints.Baseline != "" {
		return e.Endpoints.Baseline
	}
	return BaselineOf(e.Models)
}

// BaselineOf is the arm in the denominators where none was declared: the first
// thread pool, else the last arm; "" of none.
func BaselineOf(arms []Arm) string {
	last := ""
	for _, a := range arms {
		if a.Model == "threadpool" {
			return a.Name
		}
		last = a.Name
	}
	return last
}

// Cells lists the cells of the first block in the file's order, which every
// block shares but for the model behind the replicate. Shuffling them is the
// experiment's business.
func (e *Experiment) Cells() []CellSpec { return e.CellsOf(0) }

// CellsOf lists the cells of one block, counted from 0: every arm and the
// replicate at every load of every durability of every workload.
func (e *Experiment) CellsOf(block int) []CellSpec {
	arms := append([]Arm(nil), e.Models...)
	null := e.replicateOf(block)
	null.Name = ReplicateArm
	arms = append(arms, null)
	var cells []CellSpec
	for _, w := range e.Workloads {
		for _, d := range w.Durability {
			for _, load := range e.pointsOf(w, block) {
				for i, a := range arms {
					cells = append(cells, CellSpec{
						ID:         w.Name + "-" + d + "-" + load.name + "-" + a.Name,
						Workload:   w,
						Durability: models.Durability(d),
						LoadPerSec: load.perSec,
						Probe:      load.probe,
						Fraction:   load.fraction,
						Arm:        a,
						Replicate:  i == len(arms)-1,
					})
				}
			}
		}
	}
	return cells
}

// replicateOf is the arm that supplies the A/A null in a block.
func (e *Experiment) replicateOf(block int) Arm {
	if e.Replicate == Alternate {
		return e.Models[block%len(e.Models)]
	}
	for _, a := range e.Models {
		if a.Name == e.Replicate {
			return a
		}
	}
	panic("workloads: replicate names no arm: " + e.Replicate)
}

func (e *Experiment) loadsOf(w *Workload) *Loads {
	if w.Loads != nil {
		return w.Loads
	}
	return &e.Loads
}

// LoadName is how a load appears in a cell's ID.
func LoadName(perSec float64) string {
	if perSec == 0 {
		return Closed
	}
	return strconv.FormatFloat(perSec, 'f', -1, 64)
}

// Requests is how many requests a cell of this load intends over a window; 0
// for a closed loop.
func Requests(perSec float64, window time.Duration) int64 {
	return int64(math.Ceil(perSec * window.Seconds()))
}
