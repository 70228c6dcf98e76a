package models

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Durability names what an acknowledged record survives. It must be equal
// whenever two models are compared and is printed on every figure.
type Durability string

const (
	// Memory promises nothing: acknowledged from the broker's own buffer.
	Memory Durability = "memory"
	// Process survives kill -9: in the page cache, or written to the device.
	Process Durability = "process"
	// Power survives the loss of power: fdatasync or FUA has completed.
	Power Durability = "power"
)

// Factors is a point in the space between the two presets. Each field is one
// way in which the originals differ; DESIGN names the values.
type Factors struct {
	Ownership  string        // shard | shared: who may touch a partition
	Threads    string        // pinned | os | goroutine: what schedules the work
	Network    string        // auto | uring | epoll | netpoll: auto probes and records what it found
	Spin       time.Duration // how long an idle thread polls before it sleeps; SpinAlways never sleeps
	Disk       string        // direct | buffered
	Staging    string        // none | shared (direct only)
	Memory     string        // arena | heap
	Inflight   int           // requests of one connection in the broker at a time
	Durability Durability
	Commit     string // group | each: how fsyncs are shared at Power
	Routing    string // forward | direct | n/a (shard only)
	Balance    string // none | counts | load | n/a (shard only): what partitions are moved for while they are served
	Accept     string // handoff | reuseport | n/a (shard only): how the connections of one port reach the shards
	Borrow     string // on | off | n/a: whether a shard without memory may use another's (arena only)
	Mesh       string // spsc | mpsc | n/a (shard only): a ring for each pair of shards, or an inbox for each shard
}

// SpinAlways is the spin budget of a thread that never sleeps.
const SpinAlways = time.Duration(1<<63 - 1)

// PresetTPC is Redpanda's point: one pinned thread per core owns its
// partitions, its memory and its I/O.
func PresetTPC() Factors {
	return Factors{
		Ownership: "shard", Threads: "pinned", Network: "auto", Spin: 50 * time.Microsecond,
		Disk: "direct", Staging: "none", Memory: "arena", Inflight: 64,
		Durability: Process, Commit: "group", Routing: "forward", Accept: "handoff", Balance: "none", Borrow: "on", Mesh: "spsc",
	}
}

// PresetThreadPool is Kafka's point: network threads, one queue, I/O threads,
// the page cache, one request of a connection at a time.
func PresetThreadPool() Factors {
	return Factors{
		Ownership: "shared", Threads: "os", Network: "epoll", Spin: 50 * time.Microsecond,
		Disk: "buffered", Staging: "n/a", Memory: "heap", Inflight: 1,
		Durability: Process, Commit: "group", Routing: "n/a", Accept: "n/a", Balance: "n/a", Borrow: "n/a", Mesh: "n/a",
	}
}

// Factor tells a reader of one factor.
type Factor struct {
	Name   string
	Values string // what it accepts, in words
	Doc    string
	// Words are the values of a factor that takes a few, else those it takes
	// besides durations (Spans) or counts from 1 to Max.
	Words []string
	Spans bool
	Max   int64
}

// factor is how one factor is named, read and written.
type factor struct {
	Factor
	get func(*Factors) string
	set func(*Factors, string) error
}

func oneOf(field func(*Factors) *string, name, doc string, values ...string) factor {
	return factor{
		Factor: Factor{Name: name, Values: strings.Join(values, " | "), Doc: doc, Words: values},
		get:    func(f *Factors) string { return *field(f) },
		set: func(f *Factors, v string) error {
			for _, ok := range values {
				if v == ok {
					*field(f) = v
					return nil
				}
			}
			return fmt.Errorf("factor %s: %q is not one of %s", name, v, strings.Join(values, ", "))
		},
	}
}

var factorTable = []factor{
	oneOf(func(f *Factors) *string { return &f.Ownership }, "ownership", "who may touch a partition: one shard, or every thread under locks",
		"shard", "shared"),
	oneOf(func(f *Factors) *string { return &f.Threads }, "threads", "what schedules the work: threads pinned to CPUs, threads of the operating system, goroutines",
		"pinned", "os", "goroutine"),
	oneOf(func(f *Factors) *string { return &f.Network }, "network", "how sockets are waited for; auto takes the best there is and records what it found",
		"auto", "uring", "epoll", "netpoll"),
	{
		Factor: Factor{
			Name: "spin", Values: "a duration such as 0, 50us | always", Words: []string{"0", "always"}, Spans: true,
			Doc: "the longest that an idle thread polls before it sleeps, if waits that short are common; with always it never sleeps",
		},
		get: func(f *Factors) string {
			if f.Spin == SpinAlways {
				return "always"
			}
			return f.Spin.String()
		},
		set: func(f *Factors, v string) error {
			switch v {
			case "always":
				f.Spin = SpinAlways
				return nil
			case "0":
				f.Spin = 0
				return nil
			}
			d, err := time.ParseDuration(v)
			if err != nil || d < 0 {
				return fmt.Errorf("factor spin: %q is neither a duration such as 50us nor always", v)
			}
			f.Spin = d
			return nil
		},
	},
	oneOf(func(f *Factors) *string { return &f.Disk }, "disk", "O_DIRECT past the page cache, or buffered writes into it",
		"direct", "buffered"),
	oneOf(func(f *Factors) *string { return &f.Staging }, "staging", "whether appends go into a shared file mapping before the device (needs disk=direct)",
		"none", "shared", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Memory }, "memory", "where buffers come from: an arena of the broker's own, or Go's heap",
		"arena", "heap"),
	{
		Factor: Factor{
			Name: "inflight", Values: "a count between 1 and 65536", Max: maxInflight,
			Doc: "requests of one connection that are in the broker at a time",
		},
		get: func(f *Factors) string { return strconv.Itoa(f.Inflight) },
		set: func(f *Factors, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > maxInflight {
				return fmt.Errorf("factor inflight: %q is not a count between 1 and %d", v, maxInflight)
			}
			f.Inflight = n
			return nil
		},
	},
	oneOf(func(f *Factors) *string { return (*string)(&f.Durability) }, "durability", "what an acknowledged record survives: nothing, kill -9, the loss of power",
		string(Memory), string(Process), string(Power)),
	oneOf(func(f *Factors) *string { return &f.Commit }, "commit", "whether records share a sync or each has its own, at durability power",
		"group", "each"),
	oneOf(func(f *Factors) *string { return &f.Routing }, "routing", "how a request reaches a partition of another shard: forwarded, or by a port of each shard (ownership=shard)",
		"forward", "direct", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Accept }, "accept", "how connections of one port reach the shards: handed over by shard 0, or SO_REUSEPORT (ownership=shard; reuseport needs routing=forward)",
		"handoff", "reuseport", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Balance }, "balance", "what partitions are moved between shards for while they are served: nothing, their number, their load (ownership=shard)",
		"none", "counts", "load", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Borrow }, "borrow", "whether a shard without memory may use another's (memory=arena)",
		"on", "off", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Mesh }, "mesh", "what carries messages between shards: a ring for each ordered pair, or an inbox for each shard (ownership=shard)",
		"spsc", "mpsc", "n/a"),
}

// Set changes one factor by its name. The error names the factor and what it
// would have accepted; ok is false when no factor has that name.
func (f *Factors) Set(name, value string) (ok bool, err error) {
	for i := range factorTable {
		if factorTable[i].Name == name {
			return true, factorTable[i].set(f, value)
		}
	}
	return false, nil
}

// Map returns every factor by name, as results record them.
func (f Factors) Map() map[string]string {
	m := make(map[string]string, len(factorTable))
	for i := range factorTable {
		m[factorTable[i].Name] = factorTable[i].get(&f)
	}
	return m
}

// String prints every factor as name=value in the table's order, which Set reads back.
func (f Factors) String() string {
	var b strings.Builder
	for i := range factorTable {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(factorTable[i].Name + "=" + factorTable[i].get(&f))
	}
	return b.String()
}

// Validate reports every combination that no model can honour. What a given
// model does not implement is refused by the model itself.
func (f Factors) Validate() error {
	var errs []error
	if f.Staging == "shared" && f.Disk != "direct" {
		errs = append(errs, fmt.Errorf("factor staging=shared needs disk=direct, got disk=%s", f.Disk))
	}
	if f.Ownership == "shard" && f.Threads != "pinned" {
		errs = append(errs, fmt.Errorf("factor ownership=shard needs threads=pinned, got threads=%s", f.Threads))
	}
	if f.Accept == "reuseport" && f.Routing == "direct" {
		errs = append(errs, errors.New("factor accept=reuseport needs routing=forward: with routing=direct every shard has a port of its own"))
	}
	if f.Inflight < 1 {
		errs = append(errs, fmt.Errorf("factor inflight must be at least 1, got %d", f.Inflight))
	}
	return errors.Join(errs...)
}

// maxInflight bounds the factor inflight.
const maxInflight = 1 << 16

// FactorTable lists every factor, for help texts and schemas.
func FactorTable() []Factor {
	var out []Factor
	for i := range factorTable {
		out = append(out, factorTable[i].Factor)
	}
	return out
}
