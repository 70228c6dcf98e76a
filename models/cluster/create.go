package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// CreateTopic makes a topic. The caller draws the id and chooses the owners.
type CreateTopic struct {
	Name string
	ID   [16]byte
	// Partitions and ReplicationFactor as in the request; -1 with an
	// Assignment. The broker's default count is the caller's to fill in; a
	// replication factor of -1 means 1.
	Partitions        int32
	ReplicationFactor int16
	Assignment        [][]int32 // replicas by partition, or empty
	Owners            []int32   // shard by partition, or empty for shard 0
	Configs           map[string]string
}

func (c CreateTopic) apply(im *Image) (int16, string) {
	if err := ValidateTopicName(c.Name); err != nil {
		return kerr.InvalidTopicException.Code, err.Error()
	}
	if im.byName[c.Name] != nil {
		return kerr.TopicAlreadyExists.Code, fmt.Sprintf("topic %q exists", c.Name)
	}
	if other := im.collision(c.Name); other != "" {
		return kerr.InvalidTopicException.Code,
			fmt.Sprintf("topic %q differs from topic %q only in '.' and '_', which metric names cannot tell apart", c.Name, other)
	}
	n := c.Partitions
	if len(c.Assignment) > 0 {
		if n != -1 || c.ReplicationFactor != -1 {
			return kerr.InvalidRequest.Code, "with a replica assignment, partitions and replication factor must be -1"
		}
		n = int32(len(c.Assignment))
	} else if c.ReplicationFactor != 1 && c.ReplicationFactor != -1 {
		return kerr.InvalidReplicationFactor.Code,
			fmt.Sprintf("replication factor %d: there is 1 broker", c.ReplicationFactor)
	}
	if n < 1 {
		return kerr.InvalidPartitions.Code, fmt.Sprintf("a topic has at least 1 partition, not %d", n)
	}
	if len(im.sorted) >= MaxTopics {
		return kerr.PolicyViolation.Code, fmt.Sprintf("there are %d topics, the most there can be", MaxTopics)
	}
	if why := im.idTaken(c.ID); why != "" {
		return kerr.InvalidRequest.Code, fmt.Sprintf("topic id %s %s", FormatID(c.ID), why)
	}
	parts, code, msg := im.newParts(int(n), 0, c.Assignment, c.Owners)
	if code != 0 {
		return code, msg
	}
	effective, err := EffectiveConfig(im.defaults, c.Configs)
	if err != nil {
		return kerr.InvalidConfig.Code, err.Error()
	}
	im.add(&Topic{Name: c.Name, ID: c.ID, Parts: parts, Configs: maps.Clone(c.Configs), Log: effective})
	return 0, ""
}

// newParts makes n partitions that follow the first ones of a topic.
func (im *Image) newParts(n, first int, assignment [][]int32, owners []int32) ([]PartMeta, int16, string) {
	if first+n > MaxPartitionsPerTopic {
		return nil, kerr.PolicyViolation.Code, fmt.Sprintf("a topic has at most %d partitions, not %d", MaxPartitionsPerTopic, first+n)
	}
	if im.partitions+n > MaxPartitions {
		return nil, kerr.PolicyViolation.Code,
			fmt.Sprintf("there are %d partitions; %d more would exceed the limit of %d", im.partitions, n, MaxPartitions)
	}
	if len(assignment) > 0 && len(assignment) != n {
		return nil, kerr.InvalidReplicaAssignment.Code, fmt.Sprintf("%d assignments for %d partitions", len(assignment), n)
	}
	for i, replicas := range assignment {
		if len(replicas) != 1 || replicas[0] != im.nodeID {
			return nil, kerr.InvalidReplicaAssignment.Code,
				fmt.Sprintf("partition %d: replicas %v: broker %d is the only one", first+i, replicas, im.nodeID)
		}
	}
	if len(owners) > 0 && len(owners) != n {
		return nil, kerr.InvalidReplicaAssignment.Code, fmt.Sprintf("%d owners for %d partitions", len(owners), n)
	}
	parts := make([]PartMeta, n)
	for i := range parts {
		parts[i] = PartMeta{Leader: im.nodeID, Replicas: []int32{im.nodeID}, ISR: []int32{im.nodeID}}
		if len(owners) > 0 {
			parts[i].Owner = owners[i]
		}
	}
	return parts, 0, ""
}

// maxTopicName is Kafka's: the longest name whose directory "<name>-<partition>"
// and its deletion suffix still fit a file name.
const maxTopicName = 249

// ValidateTopicName applies Kafka's rules for names.
func ValidateTopicName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("topic name is empty")
	case name == "." || name == "..":
		return fmt.Errorf("topic name %q is a directory of every file system", name)
	case len(name) > maxTopicName:
		return fmt.Errorf("topic name has %d characters, at most %d are allowed", len(name), maxTopicName)
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		return fmt.Errorf("topic name %q: character %d is not one of a-z A-Z 0-9 . _ -", name, i+1)
	}
	return nil
}

// collision finds a topic whose name differs only in dots and underscores.
func (im *Image) collision(name string) string {
	if !strings.ContainsAny(name, "._") {
		return ""
	}
	plain := strings.ReplaceAll(name, ".", "_")
	for _, t := range im.sorted {
		if len(t.Name) == len(name) && strings.ReplaceAll(t.Name, ".", "_") == plain {
			return t.Name
		}
	}
	return ""
}

// maxRetired bounds the ids of deleted topics that are remembered. Ids are
// random, so the list guards against a caller that draws badly, not against
// chance; the oldest are forgotten.
const maxRetired = 4096

func (im *Image) retire(id [16]byte) {
	im.retired = append(slices.Clone(im.retired), id)
	if n := len(im.retired); n > maxRetired {
		im.retired = im.retired[n-maxRetired:]
	}
}

// idTaken says why an id cannot be given to a new topic, "" when it can. An id
// is never used twice: clients take a topic that comes back under its old id
// for the one they knew.
func (im *Image) idTaken(id [16]byte) string {
	switch {
	case id == [16]byte{} || id == [16]byte{15: 1}:
		return "is reserved"
	case im.byID[id] != nil:
		return "belongs to topic " + im.byID[id].Name
	case slices.Contains(im.retired, id):
		return "belonged to a deleted topic"
	}
	return ""
}
