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
}

// SpinAlways is the spin budget of a thread that never sleeps.
const SpinAlways = time.Duration(1<<63 - 1)

// PresetTPC is Redpanda's point: one pinned thread per core owns its
// partitions, its memory and its I/O.
func PresetTPC() Factors {
	return Factors{
		Ownership: "shard", Threads: "pinned", Network: "auto", Spin: 50 * time.Microsecond,
		Disk: "direct", Staging: "none", Memory: "arena", Inflight: 64,
		Durability: Process, Commit: "group", Routing: "forward", Accept: "handoff", Balance: "none", Borrow: "on",
	}
}

// PresetThreadPool is Kafka's point: network threads, one queue, I/O threads,
// the page cache, one request of a connection at a time.
func PresetThreadPool() Factors {
	return Factors{
		Ownership: "shared", Threads: "os", Network: "epoll", Spin: 50 * time.Microsecond,
		Disk: "buffered", Staging: "n/a", Memory: "heap", Inflight: 1,
		Durability: Process, Commit: "group", Routing: "n/a", Accept: "n/a", Balance: "n/a", Borrow: "n/a",
	}
}

// factor describes one factor: how it is named, read and written.
type factor struct {
	name   string
	values string
	get    func(*Factors) string
	set    func(*Factors, string) error
}

func oneOf(field func(*Factors) *string, name string, values ...string) factor {
	return factor{
		name: name, values: strings.Join(values, " | "),
		get: func(f *Factors) string { return *field(f) },
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
	oneOf(func(f *Factors) *string { return &f.Ownership }, "ownership", "shard", "shared"),
	oneOf(func(f *Factors) *string { return &f.Threads }, "threads", "pinned", "os", "goroutine"),
	oneOf(func(f *Factors) *string { return &f.Network }, "network", "auto", "uring", "epoll", "netpoll"),
	{
		name: "spin", values: "a duration such as 0, 50us | always",
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
	oneOf(func(f *Factors) *string { return &f.Disk }, "disk", "direct", "buffered"),
	oneOf(func(f *Factors) *string { return &f.Staging }, "staging", "none", "shared", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Memory }, "memory", "arena", "heap"),
	{
		name: "inflight", values: "a count of at least 1",
		get: func(f *Factors) string { return strconv.Itoa(f.Inflight) },
		set: func(f *Factors, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > 1<<16 {
				return fmt.Errorf("factor inflight: %q is not a count between 1 and 65536", v)
			}
			f.Inflight = n
			return nil
		},
	},
	oneOf(func(f *Factors) *string { return (*string)(&f.Durability) }, "durability", string(Memory), string(Process), string(Power)),
	oneOf(func(f *Factors) *string { return &f.Commit }, "commit", "group", "each"),
	oneOf(func(f *Factors) *string { return &f.Routing }, "routing", "forward", "direct", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Accept }, "accept", "handoff", "reuseport", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Balance }, "balance", "none", "counts", "load", "n/a"),
	oneOf(func(f *Factors) *string { return &f.Borrow }, "borrow", "on", "off", "n/a"),
}

// Set changes one factor by its name. The error names the factor and what it
// would have accepted; ok is false when no factor has that name.
func (f *Factors) Set(name, value string) (ok bool, err error) {
	for i := range factorTable {
		if factorTable[i].name == name {
			return true, factorTable[i].set(f, value)
		}
	}
	return false, nil
}

// Map returns every factor by name, as results record them.
func (f Factors) Map() map[string]string {
	m := make(map[string]string, len(factorTable))
	for i := range factorTable {
		m[factorTable[i].name] = factorTable[i].get(&f)
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
		b.WriteString(factorTable[i].name + "=" + factorTable[i].get(&f))
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

// FactorNames lists the factors and the values each accepts, for help texts.
func FactorNames() [][2]string {
	var out [][2]string
	for i := range factorTable {
		out = append(out, [2]string{factorTable[i].name, factorTable[i].values})
	}
	return out
}
