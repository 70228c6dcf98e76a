package cluster

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/log"
)

func TestValidateTopicName(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "A-z_0.9": true, "...": true, "__consumer_offsets": true, strings.Repeat("x", 249): true,
		"": false, ".": false, "..": false, strings.Repeat("x", 250): false, "a b": false, "a/b": false, "a\x00": false, "é": false,
	} {
		if err := ValidateTopicName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestIDs(t *testing.T) {
	id := [16]byte{0xff, 1, 2, 15: 0xfe}
	got, err := ParseID(FormatID(id))
	if err != nil || got != id {
		t.Fatalf("%v %v", got, err)
	}
	for _, s := range []string{"", "short", strings.Repeat("A", 21), strings.Repeat("A", 24), strings.Repeat("?", 22)} {
		if _, err := ParseID(s); err == nil {
			t.Errorf("%q is an id", s)
		}
	}
}

// must applies commands that are expected to succeed.
func must(t testing.TB, im *Image, commands ...Command) *Image {
	t.Helper()
	for _, c := range commands {
		next, code, msg := im.Apply(c)
		if code != 0 {
			t.Fatalf("%+v: code %d: %s", c, code, msg)
		}
		im = next
	}
	return im
}

func topic(i int, parts int32) CreateTopic {
	return CreateTopic{Name: fmt.Sprintf("t%d", i), ID: [16]byte{1, byte(i >> 8), byte(i)}, Partitions: parts, ReplicationFactor: 1}
}

func TestEffectiveConfigs(t *testing.T) {
	cfg := models.DefaultConfig(models.Model{Name: "tpc", Preset: models.PresetTPC})
	if got, want := Defaults(&cfg), log.DefaultConfig(); got != want {
		t.Fatalf("defaults of the broker %+v differ from the log's %+v", got, want)
	}
	for name, value := range map[string]string{
		"message.max.bytes": "2000", "log.segment.bytes": "5000", "log.roll.ms": "60", "log.index.interval.bytes": "70",
		"log.index.size.max.bytes": "800", "log.retention.ms": "80", "log.retention.bytes": "90", "producer.id.expiration.ms": "100",
	} {
		if err := cfg.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	d := Defaults(&cfg)
	want := log.DefaultConfig()
	want.MaxMessageBytes, want.SegmentBytes, want.SegmentMs, want.IndexIntervalBytes, want.IndexMaxBytes = 2000, 5000, 60, 70, 800
	want.RetentionMs, want.RetentionBytes, want.ProducerExpirationMs = 80, 90, 100
	if d != want {
		t.Fatalf("got %+v, want %+v", d, want)
	}
	c := topic(1, 1)
	c.Configs = map[string]string{
		"segment.bytes": "4096", "segment.ms": "11", "retention.ms": "12", "retention.bytes": "0", "max.message.bytes": "14",
		"message.timestamp.type": "LogAppendTime", "index.interval.bytes": "15", "segment.index.bytes": "24",
		"message.timestamp.after.max.ms": "16", "cleanup.policy": "compact,delete",
		"min.cleanable.dirty.ratio": "0.25", "min.compaction.lag.ms": "17", "delete.retention.ms": "18",
	}
	im := must(t, New("c", 1, d), c)
	want.SegmentBytes, want.SegmentMs, want.RetentionMs, want.RetentionBytes, want.MaxMessageBytes = 4096, 11, 12, 1, 14
	want.LogAppendTime, want.IndexIntervalBytes, want.IndexMaxBytes, want.TimestampAfterMaxMs = true, 15, 24, 16
	want.Cleanup, want.MinDirtyRatio, want.MinCompactionLagMs, want.DeleteRetentionMs = log.CompactAndDelete, 0.25, 17, 18
	got := im.Topic([]byte("t1")).Log
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	for name, value := range c.Configs {
		if shown := FindTopicConfig(name).Value(&got); shown != value && value != "0" {
			t.Errorf("%s shows as %s, was set to %s", name, shown, value)
		}
	}
	// The caller's map is not the topic's.
	c.Configs["segment.ms"] = "99"
	if im.Topic([]byte("t1")).Configs["segment.ms"] != "11" {
		t.Error("the image shares the command's map")
	}
}

func TestTopicConfigsAreInOrder(t *testing.T) {
	d := log.DefaultConfig()
	for i := range TopicConfigs {
		c := &TopicConfigs[i]
		if i > 0 && TopicConfigs[i-1].Name >= c.Name {
			t.Errorf("%s stands after %s", c.Name, TopicConfigs[i-1].Name)
		}
		if c.Doc == "" || c.Type == 0 {
			t.Errorf("%s is not described", c.Name)
		}
		// The default of every setting is a value it accepts.
		again := log.Config{}
		if err := c.set(&again, c.Value(&d)); err != nil {
			t.Error(err)
		}
	}
}

func TestLimitOnTopics(t *testing.T) {
	im := New("c", 1, log.DefaultConfig())
	for i := range 20 {
		im = must(t, im, topic(i, MaxPartitionsPerTopic))
	}
	if _, code, msg := im.Apply(topic(20, 1)); code == 0 || !strings.Contains(msg, "limit of 200000") {
		t.Fatalf("code %d %s", code, msg)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	im := must(t, New("c", 1, log.DefaultConfig()), topic(1, 3))
	name := []byte("t1")
	if im.Version() != 1 {
		t.Fatalf("version %d after one command", im.Version())
	}
	if n := testing.AllocsPerRun(100, func() {
		if top := im.Topic(name); top == nil || im.TopicByID(top.ID) != top {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
	if im.Topic([]byte("absent")) != nil || im.TopicByID([16]byte{9}) != nil {
		t.Fatal("found what is not there")
	}
}

// TestReassignMovesTheFewest: from any owners to any count of shards the result
// is balanced, and no balanced one needs fewer moves.
func TestReassignMovesTheFewest(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		im := New("c", 1, log.DefaultConfig())
		for i := range rapid.IntRange(0, 6).Draw(r, "topics") {
			c := topic(i, int32(rapid.IntRange(1, 8).Draw(r, "partitions")))
			c.Owners = rapid.SliceOfN(rapid.Int32Range(0, 7), int(c.Partitions), int(c.Partitions)).Draw(r, "owners")
			next, code, msg := im.Apply(c)
			if code != 0 {
				r.Fatal(msg)
			}
			im = next
		}
		shards := rapid.IntRange(1, 8).Draw(r, "shards")
		before := dump(im)
		next, moved := im.Reassign(shards)
		if dump(im) != before {
			r.Fatal("the image was changed")
		}
		load := ownerLoad(next, shards)
		sum, least, most := 0, load[0], load[0]
		for _, n := range load {
			sum, least, most = sum+n, min(least, n), max(most, n)
		}
		if sum != im.Partitions() || most-least > 1 {
			r.Fatalf("%d partitions lie as %v", im.Partitions(), load)
		}
		if want := fewestMoves(im, shards); moved != want || changed(im, next) != want {
			r.Fatalf("said %d moved, %d did, %d would do", moved, changed(im, next), want)
		}
		if again, n := next.Reassign(shards); n != 0 || again != next {
			r.Fatalf("a second time %d more moved", n)
		}
	})
}

func changed(a, b *Image) (n int) {
	for i, t := range a.sorted {
		for p := range t.Parts {
			if t.Parts[p].Owner != b.sorted[i].Parts[p].Owner {
				n++
			}
		}
	}
	return n
}

// fewestMoves tries every choice of the shards that get the larger share.
func fewestMoves(im *Image, shards int) int {
	load, total := ownerLoad(im, shards), im.Partitions()
	best := total
	for mask := range 1 << shards {
		larger, stay := 0, 0
		for s, n := range load {
			q := total / shards
			if mask>>s&1 == 1 {
				larger++
				q++
			}
			stay += min(n, q)
		}
		if larger == total%shards {
			best = min(best, total-stay)
		}
	}
	return best
}

// TestPlacementKeepsBalance: placing into a balanced image leaves it balanced.
func TestPlacementKeepsBalance(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		shards := rapid.IntRange(1, 9).Draw(r, "shards")
		im := New("c", 1, log.DefaultConfig())
		for i := range rapid.IntRange(1, 8).Draw(r, "topics") {
			c := topic(i, int32(rapid.IntRange(1, 20).Draw(r, "partitions")))
			c.Owners = PlaceLeastLoaded(im, int(c.Partitions), shards)
			next, code, msg := im.Apply(c)
			if code != 0 {
				r.Fatal(msg)
			}
			im = next
		}
		if _, moved := im.Reassign(shards); moved != 0 {
			r.Fatalf("%d partitions were not placed well: %v", moved, ownerLoad(im, shards))
		}
	})
}
