package report

import (
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/steady"
)

// Schema is the version of analysis.json.
const Schema = "ceteris-analysis/1"

// Analysis is analysis.json: every number of the report, with its unit in its
// name, how many samples it rests on, and why there is none where there is none.
type Analysis struct {
	Schema     string `json:"schema"`
	Experiment string `json:"experiment"`
	Question   string `json:"question"`
	// ResultHash is over the raw files; it is on every figure.
	ResultHash  string    `json:"result_hash"`
	HostClass   string    `json:"host_class"`
	HostReasons []string  `json:"host_class_reasons"`
	Driver      string    `json:"driver"`
	SharedCPUs  bool      `json:"broker_and_generator_share_cpus"`
	Arms        []ArmName `json:"arms"`
	Baseline    string    `json:"baseline"` // the arm in every denominator
	Rope        float64   `json:"rope"`     // smallest relative difference of interest
	Blocks      int       `json:"blocks"`
	Planned     int       `json:"cells_planned"`
	Ended       int       `json:"cells_ended"`
	Valid       int       `json:"cells_valid"`
	LeftOut     []LeftOut `json:"left_out"`
	// LeftOutOf is by arm, in the experiment's order; Uneven says that which cells are
	// left out goes with the arm, and is empty where that may be chance.
	LeftOutOf []ArmLeftOut `json:"left_out_by_arm"`
	Uneven    string       `json:"left_out_uneven,omitempty"`
	Warnings  []LeftOut    `json:"warnings"` // advisory gates of cells that count
	Notes     []string     `json:"notes"`
	// Variance is by comparison, Repeats what it costs to repeat.
	Variance []Variance `json:"variance,omitempty"`
	Repeats  *Repeats   `json:"repeats,omitempty"`
	// Truncate is the rule by which the beginning of windows was dropped.
	Truncate string  `json:"truncate,omitempty"`
	Groups   []Group `json:"groups"`
	Headline string  `json:"headline"`
	// Efficiency is there when the experiment declares its baseline, Limits when
	// it probes the machine.
	Efficiency []Efficiency `json:"efficiency,omitempty"`
	// Rungs is there when the experiment's models are a ladder.
	Rungs []Rung `json:"rungs,omitempty"`
	// Theory is there when arms inject service time.
	Theory []Theory `json:"theory,omitempty"`
	// Scaling is there when workloads vary their concurrency in a closed loop.
	Scaling []Scaling `json:"scaling,omitempty"`
	// Capacity is there when a load is a search for it.
	Capacity []Capacity `json:"capacity,omitempty"`
	// Crossovers are there where several loads are compared.
	Crossovers []Crossover `json:"crossovers,omitempty"`
	// Factorial is there when arms are a grid of factors with two values each.
	Factorial []FactorEffect `json:"factorial,omitempty"`
	// Claims are those of the experiment file. Exploratory: endpoints and claims
	// come from another file than the run's own.
	Claims      []ClaimOutcome `json:"claims,omitempty"`
	Exploratory bool           `json:"exploratory,omitempty"`
	Limits      *Limits        `json:"limits,omitempty"`
	// Certificate is the load generator's, where the run took one.
	Certificate *result.Certificate `json:"certificate,omitempty"`
}

// ArmName is one of the arms, in the experiment's order.
type ArmName struct {
	Name  string `json:"name"`
	Model string `json:"model"`
}

// LeftOut is a cell and a reason.
type LeftOut struct {
	Cell string `json:"cell"`
	Why  string `json:"why"`
}

// Group is one workload at one durability.
type Group struct {
	Workload   string  `json:"workload"`
	Durability string  `json:"durability"`
	Points     []Point `json:"points"` // by load
	// Headline is the index of the point that the headline speaks of: the highest
	// load that every arm kept up with, the lowest where there is none.
	Headline int `json:"headline_point"`
}

// Point is one load.
type Point struct {
	Load       string   `json:"load"`
	LoadPerSec float64  `json:"load_per_sec"` // requests; 0: closed loop
	Saturated  []string `json:"saturated"`    // arms that fell behind in at least half of their runs
	// GeneratorBound are arms that did more than a third of what the null broker
	// does; only known with a certificate.
	GeneratorBound []string     `json:"generator_bound,omitempty"`
	Arms           []ArmPoint   `json:"arms"`
	Compared       []Comparison `json:"comparisons"`
	Shifts         []Shift      `json:"shift_functions,omitempty"`
}

// ArmPoint is an arm at one load, its blocks' histograms merged.
type ArmPoint struct {
	Arm       string       `json:"arm"`
	Replicate bool         `json:"replicate"`
	Blocks    int          `json:"blocks"`
	Achieved  stats.Number `json:"achieved_per_sec"` // median over blocks
	Response  Spread       `json:"response"`
	Service   Spread       `json:"service"`
	Slip      Spread       `json:"slip"`
	EndToEnd  Spread       `json:"end_to_end"`
	// Per acknowledged message, over all blocks together.
	Messages int64        `json:"messages"`
	CPU      stats.Number `json:"cpu_per_message_ns"`
	Switches stats.Number `json:"context_switches_per_message"`
	MaxRSS   stats.Number `json:"max_rss_bytes"`
	Stages   []Stage      `json:"stages"`
	// Inside is missing from results of versions whose cells did not keep it.
	Inside *Inside    `json:"inside,omitempty"`
	Cost   *Cost      `json:"cost,omitempty"` // missing as Inside is
	Runs   []RunPoint `json:"runs"`
	// Classes are the requests beside the produce load, Drain what became of the
	// backlog of consumers that paused, where the workload has them.
	Classes []Beside `json:"classes,omitempty"`
	Drain   *Drain   `json:"drain,omitempty"`
	// Overload is what became of the load's rise, where the workload has one.
	Overload *Overload `json:"overload,omitempty"`
	// Prober is there when an independent client ran beside the load.
	Prober *Prober `json:"prober,omitempty"`
}

// Spread is a distribution by its percentiles, in ns.
type Spread struct {
	Count    int64        `json:"count"`
	Censored int64        `json:"censored"`
	Mean     stats.Number `json:"mean_ns"`
	P50      stats.Number `json:"p50_ns"`
	P90      stats.Number `json:"p90_ns"`
	P99      stats.Number `json:"p99_ns"`
	P999     stats.Number `json:"p99_9_ns"`
	// Highest is the highest percentile that the samples carry.
	Highest float64 `json:"highest_percentile"`
}

// Stage is one part of a produce request's time in the broker.
type Stage struct {
	Name   string  `json:"name"`
	Count  int64   `json:"count"`
	MeanNs float64 `json:"mean_ns"`
}

// RunPoint is one cell.
type RunPoint struct {
	Block    int          `json:"block"`
	Position int          `json:"position"`
	Requests int64        `json:"requests"`
	Achieved float64      `json:"achieved_per_sec"`
	Ratio    float64      `json:"achieved_ratio"`
	P50      stats.Number `json:"p50_ns"`
	P99      stats.Number `json:"p99_ns"`
	CPU      stats.Number `json:"cpu_per_message_ns"`
	// P99Lo and P99Hi are the bootstrap interval within this run alone.
	P99Lo  stats.Number   `json:"p99_lo_ns"`
	P99Hi  stats.Number   `json:"p99_hi_ns"`
	Steady steady.Verdict `json:"steady"`
	// Dropped is how many of the first intervals the block's cells left out.
	Dropped int `json:"dropped_intervals,omitempty"`
}

// Comparison is one quantity of arm A over that of arm B.
type Comparison struct {
	Quantity string `json:"quantity"`
	A        string `json:"a"`
	B        string `json:"b"`
	stats.Effect
	// Declared as an endpoint before the run; what is not is exploratory. Holm is
	// there for what is declared and could be tested.
	Declared bool  `json:"declared"`
	Holm     *Holm `json:"holm,omitempty"`
}
