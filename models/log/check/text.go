package check

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
)

const metaProperties = "meta.properties"

// maxTextBytes bounds what is read of a text file: an offset checkpoint of a
// million partitions.
const maxTextBytes = 64 << 20

// textCheck judges the content of one kind of text file.
type textCheck func(c *checker, content string)

// logDirText and partitionText are the text files of either directory.
var (
	logDirText    map[string]textCheck
	partitionText map[string]textCheck
)

func init() { // a literal would be a cycle: the checks know the names, too
	logDirText = map[string]textCheck{
		metaProperties:                     checkMeta,
		"recovery-point-offset-checkpoint": checkOffsets,
		"log-start-offset-checkpoint":      checkOffsets,
		"replication-offset-checkpoint":    checkOffsets,
		"cleaner-offset-checkpoint":        checkOffsets,
		".kafka_cleanshutdown":             checkCleanShutdown,
	}
	partitionText = map[string]textCheck{
		"leader-epoch-checkpoint": checkEpochs,
		"partition.metadata":      checkPartitionMetadata,
	}
}

func textFile(name string) textCheck {
	if c := logDirText[name]; c != nil {
		return c
	}
	return partitionText[name]
}

func (c *checker) text(path string, check textCheck) error {
	b, err := c.readUpTo(path, maxTextBytes)
	if err != nil {
		return err
	}
	c.file(path)
	check(c, string(b))
	return nil
}

// checkpoint reads the form that Kafka's checkpoints share: a version, a count,
// that many lines. It calls line with the fields of each and its number.
func checkpoint(c *checker, content string, fields int, line func(n int, f []string)) {
	lines := strings.Split(content, "\n")
	if lines[0] != "0" {
		c.badLine(1, "version is %q, want 0", lines[0])
		return
	}
	if len(lines) < 2 {
		c.badLine(2, "no count of entries")
		return
	}
	count, err := strconv.Atoi(lines[1])
	if err != nil || count < 0 {
		c.badLine(2, "%q is not a count of entries", lines[1])
		return
	}
	body := lines[2:]
	if len(body) == 0 || body[len(body)-1] != "" {
		c.badLine(len(lines), "the file does not end with a line feed")
	} else {
		body = body[:len(body)-1]
	}
	if len(body) != count {
		c.badLine(2, "%d entries are stated, %d lines follow", count, len(body))
	}
	for i, l := range body {
		f := strings.Split(l, " ")
		if len(f) != fields {
			c.badLine(i+3, "%q has %d fields, want %d", l, len(f), fields)
			continue
		}
		line(i+3, f)
	}
}

func checkOffsets(c *checker, content string) {
	seen := map[string]bool{}
	checkpoint(c, content, 3, func(n int, f []string) {
		part, perr := strconv.ParseInt(f[1], 10, 32)
		offset, oerr := strconv.ParseInt(f[2], 10, 64)
		name := f[0] + "-" + f[1]
		switch {
		case !topicName(f[0]):
			c.badLine(n, "%q is not a topic", f[0])
		case perr != nil || part < 0:
			c.badLine(n, "%q is not a partition", f[1])
		case oerr != nil || offset < 0:
			c.badLine(n, "%q is not an offset", f[2])
		case seen[name]:
			c.badLine(n, "partition %s is there twice", name)
		}
		seen[name] = true
	})
}

func checkEpochs(c *checker, content string) {
	lastEpoch, lastStart := int64(-1), int64(-1)
	checkpoint(c, content, 2, func(n int, f []string) {
		epoch, eerr := strconv.ParseInt(f[0], 10, 32)
		start, serr := strconv.ParseInt(f[1], 10, 64)
		if eerr != nil || serr != nil || epoch < 0 || start < 0 {
			c.badLine(n, "%q is not an epoch and its start offset", strings.Join(f, " "))
			return
		}
		if epoch <= lastEpoch || start <= lastStart {
			c.badLine(n, "epoch %d from offset %d does not follow epoch %d from offset %d", epoch, start, lastEpoch, lastStart)
			return
		}
		lastEpoch, lastStart = epoch, start
	})
}

func checkPartitionMetadata(c *checker, content string) {
	want := []string{"version: 0", "topic_id: "}
	lines := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	if lines[0] != want[0] {
		c.badLine(1, "got %q, want %q", lines[0], want[0])
		return
	}
	if len(lines) != len(want) {
		c.badFile("%d lines, want %d", len(lines), len(want))
		return
	}
	id, ok := strings.CutPrefix(lines[1], want[1])
	if !ok {
		c.badLine(2, "got %q, want %q and an id", lines[1], want[1])
		return
	}
	if raw, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(raw) != 16 || allZero(raw) {
		c.badLine(2, "%q is not a topic id: want 22 characters of URL-safe base64, not all zero", id)
	}
}

// checkMeta reads meta.properties, Java properties without escapes.
func checkMeta(c *checker, content string) {
	found := map[string]string{}
	for i, l := range strings.Split(content, "\n") {
		if l = strings.TrimSpace(l); l == "" || l[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(l, "=")
		if !ok {
			c.badLine(i+1, "%q is not key=value", l)
			continue
		}
		found[key] = value
	}
	if found["version"] != "1" {
		c.badFile("version is %q, want 1", found["version"])
	}
	if n, err := strconv.ParseInt(found["node.id"], 10, 32); err != nil || n < 0 {
		c.badFile("node.id is %q, want a number", found["node.id"])
	}
	for _, key := range []string{"cluster.id", "directory.id"} {
		if found[key] == "" {
			c.badFile("%s is missing", key)
		}
	}
}

func checkCleanShutdown(c *checker, content string) {
	var marker struct {
		Version     *int   `json:"version"`
		BrokerEpoch *int64 `json:"brokerEpoch"`
	}
	if err := json.Unmarshal([]byte(content), &marker); err != nil {
		c.badFile("not JSON: %v", err)
		return
	}
	if marker.Version == nil || *marker.Version != 0 || marker.BrokerEpoch == nil {
		c.badFile(`got %s, want {"version":0,"brokerEpoch":N}`, strings.TrimSpace(content))
	}
}
