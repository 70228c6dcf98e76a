package log

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// TP names a partition.
type TP struct {
	Topic string
	Index int32
}

// String is the partition's directory name.
func (p TP) String() string { return p.Topic + "-" + strconv.Itoa(int(p.Index)) }

func (p TP) compare(other TP) int {
	return cmp.Or(strings.Compare(p.Topic, other.Topic), cmp.Compare(p.Index, other.Index))
}

// ParseTP reads a directory name: everything before the last hyphen is the topic.
func ParseTP(name string) (TP, bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 || i == len(name)-1 {
		return TP{}, false
	}
	digits := name[i+1:]
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != digits {
		return TP{}, false
	}
	return TP{Topic: name[:i], Index: int32(n)}, true
}

// Checkpoint files are text: a version, a count, and as many lines.
//
//	recovery-point-offset-checkpoint   0 \n count \n { topic partition offset \n }
//	log-start-offset-checkpoint        the same
//	leader-epoch-checkpoint            0 \n count \n { epoch start-offset \n }
const checkpointVersion = "0"

// EncodeOffsets is an offset checkpoint, sorted so that equal maps give equal files.
func EncodeOffsets(m map[TP]int64) []byte {
	keys := make([]TP, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b TP) int { return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Index, b.Index)) })
	b := fmt.Appendf(nil, "%s\n%d\n", checkpointVersion, len(keys))
	for _, k := range keys {
		b = fmt.Appendf(b, "%s %d %d\n", k.Topic, k.Index, m[k])
	}
	return b
}

// DecodeOffsets reads an offset checkpoint. The error names the line.
func DecodeOffsets(b []byte) (map[TP]int64, error) {
	m := map[TP]int64{}
	err := checkpointLines(b, 3, func(f []string) error {
		index, err := strconv.ParseInt(f[1], 10, 32)
		if err != nil || index < 0 {
			return fmt.Errorf("partition %q is not a number", f[1])
		}
		offset, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil || offset < 0 {
			return fmt.Errorf("offset %q is not a number", f[2])
		}
		m[TP{f[0], int32(index)}] = offset
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

// EncodeEpochs is a leader-epoch checkpoint.
func EncodeEpochs(epochs []EpochStart) []byte {
	b := fmt.Appendf(nil, "%s\n%d\n", checkpointVersion, len(epochs))
	for _, e := range epochs {
		b = fmt.Appendf(b, "%d %d\n", e.Epoch, e.Start)
	}
	return b
}

// DecodeEpochs reads a leader-epoch checkpoint; epochs and offsets must rise.
func DecodeEpochs(b []byte) ([]EpochStart, error) {
	out := []EpochStart{}
	err := checkpointLines(b, 2, func(f []string) error {
		epoch, err := strconv.ParseInt(f[0], 10, 32)
		if err != nil || epoch < 0 {
			return fmt.Errorf("epoch %q is not a number", f[0])
		}
		start, err := strconv.ParseInt(f[1], 10, 64)
		if err != nil || start < 0 {
			return fmt.Errorf("offset %q is not a number", f[1])
		}
		if n := len(out); n > 0 && (out[n-1].Epoch >= int32(epoch) || out[n-1].Start > start) {
			return fmt.Errorf("epoch %d at %d does not follow epoch %d at %d", epoch, start, out[n-1].Epoch, out[n-1].Start)
		}
		out = append(out, EpochStart{int32(epoch), start})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkpointLines hands each line's fields to take and checks version and count.
func checkpointLines(b []byte, fields int, take func([]string) error) error {
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if lines[0] != checkpointVersion {
		return fmt.Errorf("line 1: checkpoint version %q, want %s", lines[0], checkpointVersion)
	}
	if len(lines) < 2 {
		return fmt.Errorf("line 2: no count")
	}
	n, err := strconv.Atoi(lines[1])
	if err != nil || n != len(lines)-2 {
		return fmt.Errorf("line 2: count %q, but %d entries follow", lines[1], len(lines)-2)
	}
	for i, line := range lines[2:] {
		f := strings.Fields(line)
		if len(f) != fields {
			return fmt.Errorf("line %d: %d fields in %q, want %d", i+3, len(f), line, fields)
		}
		if err := take(f); err != nil {
			return fmt.Errorf("line %d: %w", i+3, err)
		}
	}
	return nil
}

// EncodeTopicID is a topic id as Kafka prints it: base64url without padding.
func EncodeTopicID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// partitionMetadata is the file that ties a directory to a topic id.
func partitionMetadata(id [16]byte) []byte {
	return []byte("version: 0\ntopic_id: " + EncodeTopicID(id))
}

// DecodePartitionMetadata reads partition.metadata.
func DecodePartitionMetadata(b []byte) (id [16]byte, err error) {
	version, text := "", ""
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "version":
			version = value
		case "topic_id":
			text = value
		}
	}
	if version != "0" {
		return id, fmt.Errorf("version %q, want 0", version)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("topic id %q is not a base64url UUID", text)
	}
	return [16]byte(raw), nil
}

// properties are meta.properties: key=value lines, # comments.
func decodeProperties(b []byte) map[string]string {
	m := map[string]string{}
	for line := range bytes.Lines(b) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' || text[0] == '!' {
			continue
		}
		key, value, _ := strings.Cut(text, "=")
		m[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return m
}

func encodeProperties(o DirOptions) []byte {
	return fmt.Appendf(nil, "#\nversion=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", o.ClusterID, o.NodeID, o.DirectoryID)
}
