package log

import "math"

// Config is what one log is told; the names of the topic settings it comes from
// stand beside the fields. [DefaultConfig] has Kafka's values.
type Config struct {
	SegmentBytes         int     // segment.bytes
	SegmentMs            int64   // segment.ms
	IndexIntervalBytes   int     // index.interval.bytes
	IndexMaxBytes        int     // segment.index.bytes
	RetentionMs          int64   // retention.ms, -1 never
	RetentionBytes       int64   // retention.bytes, -1 never
	MaxMessageBytes      int     // max.message.bytes; checked before the log, kept here for its topic
	LogAppendTime        bool    // message.timestamp.type
	TimestampAfterMaxMs  int64   // message.timestamp.after.max.ms: how far ahead of the broker a record may be
	ProducerExpirationMs int64   // producer.id.expiration.ms
	Cleanup              Cleanup // cleanup.policy
	MinDirtyRatio        float64 // min.cleanable.dirty.ratio, 0 to 1
	MinCompactionLagMs   int64   // min.compaction.lag.ms
	DeleteRetentionMs    int64   // delete.retention.ms: how long a tombstone outlives what it deletes
	// MaxProducers bounds the idempotent producers remembered; the one that has
	// been silent longest makes room. Kafka has no such bound and grows instead.
	MaxProducers int
}

// Cleanup is what happens to old segments.
type Cleanup uint8

// The policies of cleanup.policy.
const (
	Delete           Cleanup = iota // they go by age and size
	Compact                         // of every key the last record stays
	CompactAndDelete                // both
)

// Compacts reports whether the log is compacted.
func (c Cleanup) Compacts() bool { return c != Delete }

// Deletes reports whether segments go by age and size.
func (c Cleanup) Deletes() bool { return c != Compact }

// DefaultConfig is Kafka 4's defaults.
func DefaultConfig() Config {
	return Config{
		SegmentBytes: 1 << 30, SegmentMs: 7 * 24 * 3600 * 1000,
		IndexIntervalBytes: 4096, IndexMaxBytes: 10 << 20,
		RetentionMs: 7 * 24 * 3600 * 1000, RetentionBytes: -1,
		MaxMessageBytes: 1048588, TimestampAfterMaxMs: 3600 * 1000,
		ProducerExpirationMs: 86400000, MaxProducers: 1 << 16,
		MinDirtyRatio: 0.5, DeleteRetentionMs: 86400000,
	}
}

// normal fills what was left zero, so that a Config literal with a few fields
// set is a complete one. RetentionMs and RetentionBytes mean -1 when zero.
func (c Config) normal() Config {
	d := DefaultConfig()
	if c.SegmentBytes <= 0 {
		c.SegmentBytes = d.SegmentBytes
	}
	if c.SegmentMs <= 0 {
		c.SegmentMs = d.SegmentMs
	}
	if c.IndexIntervalBytes < 0 {
		c.IndexIntervalBytes = d.IndexIntervalBytes
	}
	if c.IndexMaxBytes < 2*timeEntryBytes {
		c.IndexMaxBytes = d.IndexMaxBytes
	}
	if c.MaxMessageBytes <= 0 {
		c.MaxMessageBytes = d.MaxMessageBytes
	}
	if c.TimestampAfterMaxMs <= 0 {
		c.TimestampAfterMaxMs = math.MaxInt64
	}
	if c.ProducerExpirationMs <= 0 {
		c.ProducerExpirationMs = d.ProducerExpirationMs
	}
	if c.MaxProducers <= 0 {
		c.MaxProducers = d.MaxProducers
	}
	return c
}
