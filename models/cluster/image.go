package cluster

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"github.com/ceteris/ceteris/models/log"
)

// Limits of one image. Kafka creates at most as many partitions with one
// request; the other two keep an image that a broker can rewrite at every change.
const (
	MaxPartitionsPerTopic = 10_000
	MaxPartitions         = 200_000
	MaxTopics             = 50_000
)

// PartMeta is what the cluster knows of one partition.
type PartMeta struct {
	Leader         int32
	LeaderEpoch    int32
	PartitionEpoch int32
	Replicas       []int32
	ISR            []int32
	// Owner is the shard that the partition lives on in the leader's process.
	// It is sticky; models without shards ignore it.
	Owner int32
}

// Topic is one topic. It belongs to the images it is in and is never written.
type Topic struct {
	Name    string
	ID      [16]byte
	Parts   []PartMeta        // by partition index
	Configs map[string]string // what was set, not the defaults
	Log     log.Config        // what follows from Configs and the broker's defaults
}

// Image is one version of the metadata. It is never written after it was
// returned; every method may be called by any thread.
type Image struct {
	version        int64
	clusterID      string
	nodeID         int32
	defaults       log.Config
	byName         map[string]*Topic
	byID           map[[16]byte]*Topic
	sorted         []*Topic
	partitions     int
	nextProducerID int64
	retired        [][16]byte
}

// New is the image of a cluster without topics.
func New(clusterID string, nodeID int32, defaults log.Config) *Image {
	return &Image{
		clusterID: clusterID, nodeID: nodeID, defaults: defaults,
		byName: map[string]*Topic{}, byID: map[[16]byte]*Topic{},
	}
}

// Topic finds a topic by name, nil when there is none. It does not allocate.
func (im *Image) Topic(name []byte) *Topic { return im.byName[string(name)] }

// TopicByID finds a topic by id, nil when there is none.
func (im *Image) TopicByID(id [16]byte) *Topic { return im.byID[id] }

// Topics lists the topics by name. The slice belongs to the image.
func (im *Image) Topics() []*Topic { return im.sorted }

// Version counts the commands applied. What a start changes (defaults, owners,
// epochs) is not a command: brokers with the same history agree on it.
func (im *Image) Version() int64 { return im.version }

// ClusterID is the id that clients see.
func (im *Image) ClusterID() string { return im.clusterID }

// NodeID is the broker that all partitions are on.
func (im *Image) NodeID() int32 { return im.nodeID }

// Partitions is the number of partitions of all topics.
func (im *Image) Partitions() int { return im.partitions }

// NextProducerID is the first producer id not allocated yet.
func (im *Image) NextProducerID() int64 { return im.nextProducerID }

// Defaults are the broker's settings for topics that set nothing.
func (im *Image) Defaults() log.Config { return im.defaults }

// WithBroker is the image as a starting broker sees it: with its cluster id
// (taken over by an image that has none), its node id and its defaults for
// topics. It fails when the stored partitions are on another node or a stored
// topic setting is not accepted any more.
func (im *Image) WithBroker(clusterID string, nodeID int32, defaults log.Config) (*Image, error) {
	next := im.clone()
	if next.clusterID == "" {
		next.clusterID = clusterID
	}
	if len(im.sorted) > 0 && im.nodeID != nodeID {
		return nil, fmt.Errorf("cluster: the metadata belongs to node %d, this broker is node %d", im.nodeID, nodeID)
	}
	next.nodeID, next.defaults = nodeID, defaults
	for i, t := range next.sorted {
		c, err := EffectiveConfig(defaults, t.Configs)
		if err != nil {
			return nil, fmt.Errorf("cluster: topic %s: %w", t.Name, err)
		}
		fresh := *t
		fresh.Log = c
		next.put(i, &fresh)
	}
	return next, nil
}

// BumpLeaderEpochs is the image after this node has become leader of every
// partition anew, which a restart is: consumers that saw records which did not
// outlive the crash learn from the epoch that the log was cut.
func (im *Image) BumpLeaderEpochs() *Image {
	next := im.clone()
	for i, t := range next.sorted {
		fresh := *t
		fresh.Parts = slices.Clone(t.Parts)
		for p := range fresh.Parts {
			fresh.Parts[p].LeaderEpoch++
			fresh.Parts[p].PartitionEpoch++
		}
		next.put(i, &fresh)
	}
	return next
}

// clone copies what commands change; topics are shared.
func (im *Image) clone() *Image {
	next := *im
	next.byName, next.byID = maps.Clone(im.byName), maps.Clone(im.byID)
	next.sorted = slices.Clone(im.sorted)
	return &next
}

// place finds where a name stands, or would, among the sorted topics.
func (im *Image) place(name string) (int, bool) {
	return slices.BinarySearchFunc(im.sorted, name, func(t *Topic, n string) int { return cmp.Compare(t.Name, n) })
}

// put replaces the topic at position i by one of the same name and id.
func (im *Image) put(i int, t *Topic) {
	im.partitions += len(t.Parts) - len(im.sorted[i].Parts)
	im.sorted[i], im.byName[t.Name], im.byID[t.ID] = t, t, t
}

// add inserts a topic whose name and id are free.
func (im *Image) add(t *Topic) {
	i, _ := im.place(t.Name)
	im.sorted = slices.Insert(im.sorted, i, t)
	im.byName[t.Name], im.byID[t.ID] = t, t
	im.partitions += len(t.Parts)
}

// FormatID writes a topic id as Kafka does: 22 characters of URL-safe base64.
func FormatID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseID reads what FormatID writes.
func ParseID(s string) (id [16]byte, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("cluster: %q is not a topic id: want 22 characters of URL-safe base64", s)
	}
	return [16]byte(b), nil
}
