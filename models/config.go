package models

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

// Config is everything a broker is told. Every number has Kafka's name and
// Kafka's default where Kafka has one; [Config.Set] takes those names.
type Config struct {
	Model   string
	Listen  string // host:port; port 0 lets the kernel choose
	DataDir string
	CPUs    []int // empty: not pinned
	NodeID  int32
	Factors Factors

	// MemoryBytes bounds what the broker takes for buffers and caches. Model
	// tpc divides it among its shards; threadpool bounds the bytes of requests
	// that are in the broker. 0 means a quarter of the machine's memory.
	MemoryBytes int64

	// numbers holds the integer settings by Kafka's name. Use Int to read one.
	numbers map[string]int64
	// Append is the null model's switch: write frames with the tpc disk path.
	Append bool
}

// Setting is one integer setting: its name, default, bounds and meaning.
type Setting struct {
	Name     string
	Default  int64
	Min, Max int64
	Doc      string
}

// Settings lists every integer setting that brokers take, with Kafka's
// defaults (reference: Kafka 4.1 broker configuration).
var Settings = []Setting{
	{"num.network.threads", 3, 1, 1024, "threadpool: processors, each with its own epoll"},
	{"num.io.threads", 8, 1, 1024, "threadpool: request handlers"},
	{"queued.max.requests", 500, 1, 1 << 20, "threadpool: capacity of the one request queue; a full queue blocks processors"},
	{"num.recovery.threads.per.data.dir", 2, 1, 1024, "threads that load logs at start and close them at the end"},
	{"background.threads", 10, 1, 1024, "threadpool: flush, retention and deletion"},
	{"socket.request.max.bytes", 104857600, 64, math.MaxInt32, "largest request frame, bytes"},
	{"socket.send.buffer.bytes", 102400, -1, math.MaxInt32, "SO_SNDBUF, bytes; -1 leaves it to the kernel"},
	{"socket.receive.buffer.bytes", 102400, -1, math.MaxInt32, "SO_RCVBUF, bytes; -1 leaves it to the kernel"},
	{"socket.listen.backlog.size", 50, 1, 65535, "listen(2) backlog"},
	{"connections.max.idle.ms", 600000, -1, math.MaxInt64, "idle connections are closed after this long, ms; -1 never"},
	{"max.connections", math.MaxInt32, 1, math.MaxInt32, "connections accepted at a time"},
	{"max.connections.per.ip", math.MaxInt32, 1, math.MaxInt32, "connections from one address at a time; those beyond are closed"},
	{"max.connection.creation.rate", math.MaxInt32, 1, math.MaxInt32, "connections accepted a second; those beyond wait"},
	{"queued.max.request.bytes", -1, -1, math.MaxInt64, "threadpool, memory=heap: bytes of requests of more than 16 KiB in the broker, beyond which sockets are not read; -1 and 0 leave it at the broker's memory, which is the bound with memory=arena"},
	{"quota.producer.default", 0, 0, math.MaxInt64, "bytes that a client id may produce a second; 0 is no limit"},
	{"quota.consumer.default", 0, 0, math.MaxInt64, "bytes that a client id may fetch a second; 0 is no limit"},
	{"quota.request.percentage.default", 0, 0, 1 << 20, "percent of one thread's time that Produce and Fetch of a client id may take; 0 is no limit"},
	{"message.max.bytes", 1048588, 0, math.MaxInt32, "largest record batch, bytes"},
	{"log.segment.bytes", 1 << 30, 4096, math.MaxInt32, "segment size at which a log rolls, bytes"},
	{"log.roll.ms", 168 * 3600 * 1000, 1, math.MaxInt64, "segment age at which a log rolls, ms"},
	{"log.index.interval.bytes", 4096, 0, math.MaxInt32, "bytes between index entries"},
	{"log.index.size.max.bytes", 10 << 20, 12, math.MaxInt32, "size of an index at which its segment rolls, bytes"},
	{"log.retention.ms", 168 * 3600 * 1000, -1, math.MaxInt64, "age at which sealed segments are deleted, ms; -1 never"},
	{"log.retention.bytes", -1, -1, math.MaxInt64, "size of a log above which sealed segments are deleted, bytes; -1 never"},
	{"log.retention.check.interval.ms", 300000, 1, math.MaxInt64, "how often retention looks, ms"},
	{"log.segment.delete.delay.ms", 60000, 0, math.MaxInt64, "how long a deleted segment's files stay, ms"},
	{"log.cleaner.enable", 1, 0, 1, "whether logs with cleanup.policy=compact are compacted (0, 1, false, true)"},
	{"log.cleaner.threads", 1, 1, 1024, "threadpool: threads that compact logs"},
	{"log.cleaner.backoff.ms", 15000, 1, math.MaxInt64, "how long a cleaner waits when no log wants compaction, ms"},
	{"log.cleaner.dedupe.buffer.size", 128 << 20, 1 << 20, 1 << 40, "memory for the keys of logs being compacted, 24 bytes each, shared by all cleaners (threads or shards), bytes"},
	{"log.flush.offset.checkpoint.interval.ms", 60000, 1, math.MaxInt64, "how often recovery points are written, ms"},
	{"num.partitions", 1, 1, 100000, "partitions of an auto-created topic"},
	{"auto.create.topics.enable", 1, 0, 1, "whether Metadata creates unknown topics (0, 1, false, true)"},
	{"fetch.max.bytes", 55 << 20, 1024, math.MaxInt32, "most bytes in one fetch response"},
	{"max.incremental.fetch.session.cache.slots", 1000, 0, 1 << 20, "fetch sessions kept"},
	{"producer.id.expiration.ms", 86400000, 1, math.MaxInt64, "idempotent producers are forgotten after this long, ms"},
	{"log.flush.scheduler.interval.ms", math.MaxInt64, 1, math.MaxInt64, "threadpool: how often the log flusher looks, ms; by default never"},
	{"log.flush.interval.ms", 0, 0, math.MaxInt64, "threadpool: how long after its last flush a log is due for the flusher, ms"},
	{"producer.purgatory.purge.interval.requests", 1000, 1, 1 << 20, "threadpool: completed entries of waiting produce requests after which their watcher lists are purged"},
	{"fetch.purgatory.purge.interval.requests", 1000, 1, 1 << 20, "threadpool: completed entries of waiting fetches after which their watcher lists are purged"},
	{"service.time.ns", 0, 0, 1e9, "CPU work added to each part of a produce request, mean, ns; 0 none"},
	{"service.time.law", 0, 0, 2, "law of that work: 0 fixed, 1 exponential, 2 bimodal (half the mean in nine of ten, 5.5 times it in the tenth)"},
	{"service.time.seed", 1, 0, math.MaxInt64, "seed of its random draws, of which each thread has its own"},
	{"shards", 0, 0, 256, "tpc: shards, each a thread of its own; 0 is one a CPU given, one when none is"},
	{"append.chunk.bytes", 64 << 10, 16 << 10, 1 << 20, "tpc: size of an append chunk, a power of two, bytes"},
	{"staging.max.bytes", 16 << 20, 2 << 20, 1 << 40, "tpc, staging=shared: size of a shard's staging file, bytes; at most a quarter of the shard's memory"},
	{"balance.interval.ms", 1000, 10, 3600000, "tpc: how often balance=counts and balance=load look whether a partition should move, ms"},
	{"append.idle.ms", 5000, 1, math.MaxInt32, "tpc: how long after its last append a partition keeps the chunk that it ends in, ms"},
	{"memory.huge.pages", 0, 0, 2, "memory=arena: 0 leaves page sizes to the kernel, 1 asks for transparent huge pages, 2 takes reserved ones of 2 MiB or does not start"},
	{"memory.lock", 0, 0, 1, "memory=arena: whether memory is locked, so that it is never swapped (0, 1, false, true)"},
	{"readahead.max.bytes", 1 << 20, 0, 1 << 30, "tpc: most bytes read ahead of a consumer that goes through a log on the device; 0 none"},
	{"io.classes", 1, 0, 1, "tpc: whether device operations of producers, of consumers and of the background wait in queues of their own (1) or in one (0)"},
	{"prewrite.max.bytes", 32 << 20, 1 << 20, 1 << 30, "disk=direct: most bytes zero-filled ahead of a log's end"},
}

// oddUnits are those of settings whose names do not end with them.
var oddUnits = map[string]string{
	"quota.producer.default":           "bytes per second",
	"quota.consumer.default":           "bytes per second",
	"quota.request.percentage.default": "percent of a thread",
	"max.connection.creation.rate":     "connections per second",
	"log.cleaner.dedupe.buffer.size":   "bytes",
	"service.time.seed":                "seed",
}

// Unit is what the setting counts, which Kafka's names mostly end with; "choice"
// where each of a few values has a meaning of its own.
func (s *Setting) Unit() string {
	if unit := oddUnits[s.Name]; unit != "" {
		return unit
	}
	switch {
	case s.Switch():
		return ""
	case strings.HasSuffix(s.Name, ".bytes"):
		return "bytes"
	case strings.HasSuffix(s.Name, ".ms"):
		return "ms"
	case strings.HasSuffix(s.Name, ".ns"):
		return "ns"
	case s.Max-s.Min == 2:
		return "choice"
	}
	return "count"
}

// Switch reports whether the setting is 0 or 1, which [Config.Set] also takes as
// false and true.
func (s *Setting) Switch() bool { return s.Min == 0 && s.Max == 1 }

// AppendDoc says what the one setting that is not an integer does.
const AppendDoc = "null: write frames with the disk path of tpc before they are answered"

// DefaultConfig is Kafka's defaults with the given model's preset.
func DefaultConfig(m Model) Config {
	return Config{Model: m.Name, Listen: "127.0.0.1:9092", NodeID: 1, Factors: m.Preset(), numbers: map[string]int64{}}
}

// Int reads a setting. Asking for one that does not exist is a bug and panics.
func (c *Config) Int(name string) int64 {
	if v, ok := c.numbers[name]; ok {
		return v
	}
	for i := range Settings {
		if Settings[i].Name == name {
			return Settings[i].Default
		}
	}
	panic("models: no setting " + name)
}

// Shards is how many shards a model that has shards runs: as many as asked for,
// else one for each CPU given, else one.
func (c *Config) Shards() int {
	if n := c.Int("shards"); n > 0 {
		return int(n)
	}
	return max(len(c.CPUs), 1)
}

// Set changes a factor or a setting by name. The error names the key and what
// it accepts.
func (c *Config) Set(name, value string) error {
	if ok, err := c.Factors.Set(name, value); ok {
		return err
	}
	if name == "append" {
		b, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("setting append: %q is neither true nor false", value)
		}
		c.Append = b
		return nil
	}
	for i := range Settings {
		s := &Settings[i]
		if s.Name != name {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if b, berr := strconv.ParseBool(value); err != nil && berr == nil && s.Switch() {
			n, err = 0, nil
			if b {
				n = 1
			}
		}
		if err != nil || n < s.Min || n > s.Max {
			return fmt.Errorf("setting %s: %q is not an integer between %d and %d", name, value, s.Min, s.Max)
		}
		if c.numbers == nil {
			c.numbers = map[string]int64{}
		}
		c.numbers[name] = n
		return nil
	}
	return fmt.Errorf("no factor or setting %q; see ceteris broker --help", name)
}

// Clone returns a copy whose settings can be changed on their own.
func (c Config) Clone() Config {
	numbers := make(map[string]int64, len(c.numbers))
	for k, v := range c.numbers {
		numbers[k] = v
	}
	c.numbers = numbers
	c.CPUs = append([]int(nil), c.CPUs...)
	return c
}

// Validate reports every violation at once.
func (c *Config) Validate() error {
	errs := []error{c.Factors.Validate()}
	if c.DataDir == "" {
		errs = append(errs, errors.New("no data directory: give --data DIR"))
	}
	if c.MemoryBytes < 0 {
		errs = append(errs, fmt.Errorf("memory of %d bytes is negative", c.MemoryBytes))
	}
	if n := c.Int("append.chunk.bytes"); n&(n-1) != 0 {
		errs = append(errs, fmt.Errorf("setting append.chunk.bytes: %d is not a power of two", n))
	}
	return errors.Join(errs...)
}

// Effective returns every factor and setting by name, as results record them.
func (c *Config) Effective() map[string]string {
	m := c.Factors.Map()
	for i := range Settings {
		m[Settings[i].Name] = strconv.FormatInt(c.Int(Settings[i].Name), 10)
	}
	m["memory.bytes"] = strconv.FormatInt(c.MemoryBytes, 10)
	if c.Append {
		m["append"] = "true"
	}
	return m
}

// String prints the effective configuration one name=value a line, sorted.
func (c *Config) String() string {
	m := c.Effective()
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "%s=%s\n", k, m[k])
	}
	return b.String()
}
