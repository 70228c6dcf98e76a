package cluster

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/models/log"
)

// ConfigType is the type that DescribeConfigs reports (protocol: ConfigType).
type ConfigType int8

// The types that topic settings have.
const (
	TypeBoolean ConfigType = 1
	TypeString  ConfigType = 2
	TypeInt     ConfigType = 3
	TypeLong    ConfigType = 5
	TypeDouble  ConfigType = 6
	TypeList    ConfigType = 7
)

// TopicConfig is one setting that a topic can have.
type TopicConfig struct {
	Name string
	// Broker is the broker's setting that is the default, "" when there is none.
	Broker string
	Type   ConfigType
	Doc    string

	min, max int64
	fixed    string // the only value served, "" when there is a choice
	number   func(*log.Config) *int64
	small    func(*log.Config) *int
	choices  []string // what else is served, and
	choice   func(*log.Config) *log.Cleanup
	ratio    func(*log.Config) *float64
}

// TopicConfigs lists the settings by name. The fixed ones are there because
// clients set them and tools show them; what this broker does not do is refused
// by their only value, never ignored.
var TopicConfigs = []TopicConfig{
	{
		Name: "cleanup.policy", Broker: "log.cleanup.policy", Type: TypeList,
		Doc: "what happens to old segments: delete, compact, or both", choices: []string{"delete", "compact", "compact,delete"},
		choice: func(c *log.Config) *log.Cleanup { return &c.Cleanup },
	},
	{
		Name: "compression.type", Broker: "compression.type", Type: TypeString, fixed: "producer",
		Doc: "batches are stored as producers compressed them",
	},
	{
		Name: "delete.retention.ms", Broker: "log.cleaner.delete.retention.ms", Type: TypeLong, min: 0, max: math.MaxInt64,
		Doc: "how long a compacted log keeps a tombstone, ms", number: func(c *log.Config) *int64 { return &c.DeleteRetentionMs },
	},
	{
		Name: "index.interval.bytes", Broker: "log.index.interval.bytes", Type: TypeInt, min: 0, max: math.MaxInt32,
		Doc: "bytes between index entries", small: func(c *log.Config) *int { return &c.IndexIntervalBytes },
	},
	{
		Name: "max.message.bytes", Broker: "message.max.bytes", Type: TypeInt, min: 1, max: math.MaxInt32,
		Doc: "largest record batch, bytes", small: func(c *log.Config) *int { return &c.MaxMessageBytes },
	},
	{
		Name: "message.timestamp.after.max.ms", Broker: "log.message.timestamp.after.max.ms", Type: TypeLong, min: 0, max: math.MaxInt64,
		Doc: "how far a record may be ahead of the broker's clock, ms", number: func(c *log.Config) *int64 { return &c.TimestampAfterMaxMs },
	},
	{
		Name: "message.timestamp.type", Broker: "log.message.timestamp.type", Type: TypeString,
		Doc: "CreateTime keeps producers' timestamps, LogAppendTime overwrites them",
	},
	{
		Name: "min.cleanable.dirty.ratio", Broker: "log.cleaner.min.cleanable.ratio", Type: TypeDouble,
		Doc: "share of a compacted log that has to be dirty before it is compacted, 0 to 1", ratio: func(c *log.Config) *float64 { return &c.MinDirtyRatio },
	},
	{
		Name: "min.compaction.lag.ms", Broker: "log.cleaner.min.compaction.lag.ms", Type: TypeLong, min: 0, max: math.MaxInt64,
		Doc: "age below which a record is not compacted, ms", number: func(c *log.Config) *int64 { return &c.MinCompactionLagMs },
	},
	{
		Name: "min.insync.replicas", Broker: "min.insync.replicas", Type: TypeInt, fixed: "1",
		Doc: "in-sync replicas that acks=all needs; there is one broker",
	},
	{
		Name: "preallocate", Broker: "log.preallocate", Type: TypeBoolean, fixed: "false",
		Doc: "files have the length of their content",
	},
	{
		Name: "retention.bytes", Broker: "log.retention.bytes", Type: TypeLong, min: -1, max: math.MaxInt64,
		Doc: "size of a partition above which old segments go, bytes; -1 never", number: func(c *log.Config) *int64 { return &c.RetentionBytes },
	},
	{
		Name: "retention.ms", Broker: "log.retention.ms", Type: TypeLong, min: -1, max: math.MaxInt64,
		Doc: "age at which segments go, ms; -1 never", number: func(c *log.Config) *int64 { return &c.RetentionMs },
	},
	{
		Name: "segment.bytes", Broker: "log.segment.bytes", Type: TypeInt, min: 4096, max: math.MaxInt32,
		Doc: "size at which a segment is sealed, bytes", small: func(c *log.Config) *int { return &c.SegmentBytes },
	},
	{
		Name: "segment.index.bytes", Broker: "log.index.size.max.bytes", Type: TypeInt, min: 24, max: math.MaxInt32,
		Doc: "size of an index at which its segment is sealed, bytes", small: func(c *log.Config) *int { return &c.IndexMaxBytes },
	},
	{
		Name: "segment.ms", Broker: "log.roll.ms", Type: TypeLong, min: 1, max: math.MaxInt64,
		Doc: "age at which a segment is sealed, ms", number: func(c *log.Config) *int64 { return &c.SegmentMs },
	},
	{
		Name: "unclean.leader.election.enable", Broker: "unclean.leader.election.enable", Type: TypeBoolean, fixed: "false",
		Doc: "a replica that is not in sync never leads",
	},
}

// FindTopicConfig finds a setting by name, nil when there is none.
func FindTopicConfig(name string) *TopicConfig {
	for i := range TopicConfigs {
		if TopicConfigs[i].Name == name {
			return &TopicConfigs[i]
		}
	}
	return nil
}

// Value is the setting's value in an effective configuration, as text.
func (t *TopicConfig) Value(c *log.Config) string {
	switch {
	case t.fixed != "":
		return t.fixed
	case t.small != nil:
		return strconv.Itoa(*t.small(c))
	case t.number != nil:
		return strconv.FormatInt(*t.number(c), 10)
	case t.choice != nil:
		return t.choices[*t.choice(c)]
	case t.ratio != nil:
		return ratioText(*t.ratio(c))
	case c.LogAppendTime:
		return "LogAppendTime"
	}
	return "CreateTime"
}

// set writes a value into c. The error names the setting and what it accepts.
func (t *TopicConfig) set(c *log.Config, value string) error {
	switch {
	case t.fixed != "":
		if strings.TrimSpace(value) != t.fixed {
			return fmt.Errorf("topic config %s=%q: only %q is supported (%s)", t.Name, value, t.fixed, t.Doc)
		}
	case t.small != nil || t.number != nil:
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil || n < t.min || n > t.max {
			return fmt.Errorf("topic config %s=%q: want an integer from %d to %d", t.Name, value, t.min, t.max)
		}
		switch {
		case t.small != nil:
			*t.small(c) = int(n)
		case t.min == -1:
			*t.number(c) = retention(n)
		default:
			*t.number(c) = n
		}
	case t.choice != nil:
		policy, ok := cleanupOf(value)
		if !ok {
			return fmt.Errorf("topic config %s=%q: want delete, compact, or both with a comma", t.Name, value)
		}
		*t.choice(c) = policy
	case t.ratio != nil:
		r, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(r >= 0 && r <= 1) {
			return fmt.Errorf("topic config %s=%q: want a number from 0 to 1", t.Name, value)
		}
		*t.ratio(c) = r
	default:
		switch value {
		case "CreateTime":
			c.LogAppendTime = false
		case "LogAppendTime":
			c.LogAppendTime = true
		default:
			return fmt.Errorf("topic config %s=%q: want CreateTime or LogAppendTime", t.Name, value)
		}
	}
	return nil
}

func unknownConfig(name string) error { return fmt.Errorf("there is no topic config %q", name) }

// EffectiveConfig is the broker's defaults with a topic's settings written over
// them. Of several errors it returns that of the first name in the alphabet, so
// that equal commands give equal answers.
func EffectiveConfig(defaults log.Config, set map[string]string) (log.Config, error) {
	c := defaults
	for _, name := range slices.Sorted(maps.Keys(set)) {
		t := FindTopicConfig(name)
		if t == nil {
			return log.Config{}, unknownConfig(name)
		}
		if err := t.set(&c, set[name]); err != nil {
			return log.Config{}, err
		}
	}
	return c, nil
}

// retention makes of 0, which keeps nothing, the least that a log can be told:
// there, 0 is a field left unset.
func retention(n int64) int64 {
	if n == 0 {
		return 1
	}
	return n
}

// cleanupOf reads a list of policies.
func cleanupOf(list string) (c log.Cleanup, ok bool) {
	compacts, deletes := false, false
	for policy := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(policy) {
		case "delete":
			deletes = true
		case "compact":
			compacts = true
		default:
			return 0, false
		}
	}
	switch {
	case compacts && deletes:
		return log.CompactAndDelete, true
	case compacts:
		return log.Compact, true
	}
	return log.Delete, true
}

// ratioText is a double as Java prints it: 0.5, 1.0.
func ratioText(r float64) string {
	s := strconv.FormatFloat(r, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
