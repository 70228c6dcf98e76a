package workloads

import (
	"slices"
	"time"

	"github.com/ceteris/ceteris/models"
)

// The limits of an experiment file. They are far beyond what has been tried and
// keep a slip of the pen from filling a disk or a week.
const (
	maxBlocks      = 10000
	maxWindow      = 24 * time.Hour
	maxMemory      = 1 << 40
	minMemory      = 16 << 20
	maxArms        = 32
	maxPerBlock    = 10000 // cells
	minPerSec      = 0.001
	minZipf        = 0.01
	maxZipf        = 10
	maxTopics      = 1000
	maxPartitions  = 10000 // of all topics together
	maxConnections = 16384
	maxInflight    = 1 << 16
	maxRecords     = 10000
	maxConsumers   = 64
	maxThreads     = 16 // of the load generator
	maxRequestLog  = 1_000_000_000
	maxFanOut      = 1000
	// maxRequestBytes keeps a request under Kafka's default socket.request.max.bytes
	// of 104857600.
	maxRequestBytes = 64 << 20
	maxValues       = 32 // of one key of a workload
	// maxBatchBytes keeps a batch with its overhead (61 bytes, and some 20 a
	// record) under Kafka's default message.max.bytes of 1048588.
	maxBatchBytes  = 1023 << 10
	recordOverhead = 24
)

// table is every key but those of brokers, which models knows.
func table() []Key {
	keys := []Key{
		{
			Path: "name", Kind: Name, Needed: true,
			Doc: "What the experiment is called, in its report and in the directory of its result.",
		},
		{Path: "question", Kind: Text, Doc: "What the experiment asks; the report prints it. Without it, nothing is printed."},
		{
			Path: "models", Kind: Name, Count: List, Needed: true, See: []string{"replicate", "endpoints.baseline"},
			Doc: "The arms that are compared, at most 32: a model's name (tpc, threadpool, \"null\"), or a mapping that also says what it is called and which factors it changes.",
		},
		{Path: "models.*.name", Kind: Name, Doc: "What the arm is called, no two alike. Default: the model's name."},
		{Path: "models.*.model", Kind: Name, Needed: true, Doc: "The concurrency model: tpc, threadpool, or \"null\" (quoted), which stores nothing."},
		{
			Path: setPath, Kind: Mapping,
			Doc: "Factors and broker settings that the arm changes; the rest stays as the model's preset has it.",
		},
	}
	keys = append(keys, gridKeys()...)
	keys = append(keys, []Key{
		{
			Path: "replicate", Kind: Name, Words: []string{Alternate}, Default: Alternate, See: []string{"models"},
			Doc: "The arm that runs twice in each block, so that its difference from itself is known; with alternate the arms take turns.",
		},
		{
			Path: "blocks", Kind: Integer, Min: 1, Max: maxBlocks, Unit: "blocks", Default: "3",
			Doc: "How often every cell runs; fewer than six blocks resolve nothing at 95 %.",
		},
		{
			Path: "repeats", Kind: Integer, Min: 0, Max: maxBlocks, Unit: "blocks", Default: "1", See: []string{"blocks"},
			Doc: "How many of the blocks that others disturbed (stolen or throttled CPU time; on host classes A and B also a thread with nothing to do that woke 5 ms late) are run once more at the end; both runs are kept. Searches for a capacity and their shares are not repeated.",
		},
		{
			Path: "seed", Kind: Integer, Min: 0, Max: 1 << 62, Default: "1",
			Doc: "What every random choice follows from: the order of cells, arrivals, partitions, sizes and payloads.",
		},
		{Path: "host", Kind: Mapping, Doc: "How broker and generator share the machine."},
		{
			Path: "host.broker_cpus", Kind: CPUs, Words: []string{Auto}, Default: Auto, See: []string{"host.generator_cpus"},
			Doc: "CPUs of the broker; auto leaves the division to the harness.",
		},
		{
			Path: "host.generator_cpus", Kind: CPUs, Words: []string{Auto}, Default: Auto, See: []string{"host.broker_cpus"},
			Doc: "CPUs of the load generator; auto leaves the division to the harness.",
		},
		{
			Path: "memory", Kind: Size, Min: minMemory, Max: maxMemory, Default: "512MiB",
			Doc: "What each broker may take for buffers and caches.",
		},
		{
			Path: "driver", Kind: Word, Words: []string{Raw, Franz}, Default: Raw,
			Doc: "What sends the requests: the generator's own bare protocol code, or the client library franz-go.",
		},
		{Path: "warmup", Kind: Duration, Max: float64(maxWindow), Default: "2s", Doc: "How long a cell runs before it is measured."},
		{
			Path: "measure", Kind: Duration, Min: float64(10 * time.Millisecond), Max: float64(maxWindow), Default: "5s",
			Doc: "How long a cell is measured.",
		},
		{
			Path: "syscalls", Kind: Word, Words: []string{SyscallsOwn, SyscallsKernel}, Default: SyscallsOwn,
			Doc: "Who counts system calls: each broker where it makes them, or also the kernel, which sees those of Go's runtime too and takes some 25 ns of each.",
		},
	}...)
	keys = append(keys, loadKeys("loads", true, "The load points of every workload that has none of its own.")...)
	keys = append(keys, workloadKeys()...)
	keys = append(keys, claimKeys()...)
	keys = append(keys, stopKeys()...)
	keys = append(keys, steadyKeys()...)
	return append(
		keys,
		Key{Path: "endpoints", Kind: Mapping, Doc: "What the experiment sets out to show."},
		Key{
			Path: "endpoints.primary", Kind: Word, Words: primaries, Default: primaries[0],
			Doc: "The quantity that the headline is about: times to a produce response, end-to-end times to a consumer's fetch, or CPU time.",
		},
		Key{
			Path: "endpoints.secondary", Kind: Word, Count: List, Words: primaries, See: []string{"endpoints.primary", "claims"},
			Doc: "Further quantities that are tested; what is not declared is printed as exploratory. Default: none.",
		},
		Key{
			Path: "endpoints.rope", Kind: Number, Min: 0, Max: 1, Default: "0.05", Unit: "relative difference",
			Doc: "The smallest relative difference that would matter (region of practical equivalence); 0.05 is 5 %.",
		},
		Key{
			Path: "endpoints.baseline", Kind: Name, See: []string{"models"},
			Doc: "The arm in every denominator; with it the report shows requests per CPU-second over that arm's. Without it, the report chooses.",
		},
		Key{
			Path: "endpoints.models", Kind: Word, Words: []string{Alternatives, Ladder}, Default: Alternatives, See: []string{"models"},
			Doc: "Whether models are alternatives, or a ladder of which each rung has one factor more than the one before: the report then compares each with that one.",
		},
		Key{
			Path: "probes", Kind: Word, Count: List, Words: []string{ProbeDisk, ProbeLoopback},
			Doc: "Limits of the machine that are measured once a block: sequential direct writes of 1 MiB, one TCP connection over loopback. Default: none.",
		},
		Key{
			Path: "probe_per_second", Kind: Number, Min: 0, Max: 1000, Unit: "requests per second", Default: "0", See: []string{"probe_factor"},
			Doc: "Produce requests of one 1 KiB record that a client without a line of the generator sends beside every load, to a topic of its own; 0 is none. What they cost the broker is in its costs, and where no CPU is free they run on the generator's.",
		},
		Key{
			Path: "probe_factor", Kind: Number, Min: 1, Max: 100, Unit: "times", Default: "2", See: []string{"probe_per_second"},
			Doc: "A cell is marked where its probe and the generator's service times differ by more, and by more than 30 µs, at p50, or at p99 with 368 round trips.",
		},
	)
}

// durabilities are what a workload can ask for, from the weakest.
var durabilities = []string{string(models.Memory), string(models.Process), string(models.Power)}

// primaries are the endpoints that an experiment can be about, the default first.
var primaries = []string{
	"p99 response produce", "p50 response produce", "p99 e2e fetch", "p50 e2e fetch", "cpu per message",
	timeToRecover, overloadGoodput,
}

// Endpoints that only a workload with an overload has.
const (
	timeToRecover   = "time to recover"
	overloadGoodput = "overload goodput"
)

func loadKeys(path string, needed bool, doc string) []Key {
	return append([]Key{
		{Path: path, Kind: Mapping, Needed: needed, Doc: doc},
		{
			Path: path + ".kind", Kind: Word, Words: []string{Absolute, Closed, CapacitySearch}, Default: Absolute,
			Doc: "Rates that are offered whatever the broker answers (open loop), as much as inflight allows (closed loop), or a search for the highest rate that keeps a promise (open loop).",
			See: []string{"workloads.*.inflight", "workloads.*.arrivals"},
		},
		{
			Path: path + ".per_second", Kind: Number, Count: List, Min: minPerSec, Max: MaxPerSec, Unit: "produce requests per second",
			With: "kind=" + Absolute, Doc: "The rates, no two alike; each is a cell of its own.", See: []string{path + ".kind"},
		},
	}, capacityKeys(path)...)
}

func workloadKeys() []Key {
	one := func(k Key) Key { k.Path = "workloads.*." + k.Path; return k }
	keys := []Key{
		{
			Path: "workloads", Kind: Mapping, Count: List, Needed: true, See: []string{"models", "loads"},
			Doc: "What is asked of the brokers. A block is every workload × durability × load × arm, at most 10,000 cells.",
		},
		one(Key{Path: "name", Kind: Name, Needed: true, Doc: "What the workload is called, no two alike."}),
		one(Key{
			Path: "durability", Kind: Word, Count: List, Default: string(models.Process),
			Words: durabilities,
			Doc:   "What an acknowledged record survives: nothing (memory), kill -9 (process), the loss of power (power). Each is a cell of its own.",
		}),
		one(Key{
			Path: "topics", Kind: Integer, Min: 1, Max: maxTopics, Unit: "topics", Default: "1",
			Doc: "How many topics there are; at most 10,000 partitions of all together.", See: []string{"workloads.*.partitions"},
		}),
		one(Key{
			Path: "partitions", Kind: Integer, Count: OneOrList, Min: 1, Max: maxPartitions, Unit: "partitions", Needed: true,
			Doc: "How many partitions each topic has. Each value of a list is a workload of its own.", See: []string{"workloads.*.topics"},
		}),
		one(Key{
			Path: "connections", Kind: Integer, Count: OneOrList, Min: 1, Max: maxConnections, Unit: "connections", Needed: true,
			Doc: "How many connections carry the produce requests. Each value of a list is a workload of its own.",
		}),
		one(Key{
			Path: "inflight", Kind: Integer, Count: OneOrList, Min: 1, Max: maxInflight, Unit: "requests", Needed: true,
			Doc: "How many requests one connection may have outstanding; reaching it marks the load point. Each value of a list is a workload of its own.",
			See: []string{setPath + ".inflight"},
		}),
		one(Key{
			Path: "acks", Kind: Word, Words: []string{"all", "-1", "1", "0"}, Default: "all",
			Doc: "Which answer a producer waits for: all (or -1), the leader's alone, or none.",
		}),
		one(Key{
			Path: "records_per_batch", Kind: Integer, Min: 1, Max: maxRecords, Unit: "records", Default: "1",
			Doc: "Records in each produce request. Times the largest size and 24 bytes, at most 1023KiB and 24 bytes.",
			See: []string{"workloads.*.size"},
		}),
		one(Key{
			Path: "entropy", Kind: Number, Min: 0, Max: 1, Default: "0.5", Unit: "share of bytes",
			Doc: "The share of random bytes in each value; the rest repeats, so that a compressor finds it.",
		}),
		one(Key{
			Path: "consumers", Kind: Integer, Min: 0, Max: maxConsumers, Unit: "consumers", Default: "0",
			Doc: "Consumers at the tail, each fetching every partition; model null needs 0.",
		}),
	}
	keys = slices.Concat(keys, arrivalKeys("workloads.*.arrivals"), choiceKeys(), sizeKeys(), classKeys(), overloadKeys())
	return append(keys, loadKeys("workloads.*.loads", false, "Load points of this workload alone. Default: the experiment's loads.")...)
}
