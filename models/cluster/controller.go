package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/staging"
)

// Host is what a broker does with the partitions that the controller hands it.
// Calls come one at a time, from the thread that changes the metadata.
type Host interface {
	// OpenPartition takes over a log that was created or recovered and serves it
	// when it returns.
	OpenPartition(t *Topic, index int32, l *log.Log) error
	// ClosePartition stops serving and returns when nothing touches the log any
	// more. Whoever waits in it is answered with UNKNOWN_TOPIC_OR_PARTITION.
	ClosePartition(t *Topic, index int32)
	// Publish makes an image the current one for every thread.
	Publish(im *Image)
}

// producerIDBlock is how many producer ids one write of the image reserves, as
// Kafka's controller hands them out.
const producerIDBlock = 1000

// Controller changes the metadata of a single node: applies a command, stores
// the image, opens and closes partitions, publishes. It blocks and locks, which
// is why brokers call it off their hot threads. A cluster puts consensus between
// apply and store.
//
// The image is stored before partitions are made and after the decision to
// remove them, so a crash in between leaves partitions that opening completes,
// or directories that no topic names, which opening removes.
type Controller struct {
	mu     sync.Mutex
	fs     disk.FS
	dir    string // where the image is stored
	logs   *log.Dir
	shards int
	makers int // logs that are made or removed at a time
	// ownersLead: clients learn the owner of a partition as its leader.
	ownersLead bool
	host       Host
	moved      int // partitions that this start has given another owner
	image      *Image

	nextID, endID int64 // producer ids reserved and not handed out

	Staged staging.Report // what booting found in the staging files; not changed later
}

// Boot opens a data directory: <data>/logs in Kafka's layout, <data>/cluster
// for the image. shards is among how many owners partitions are spread. The
// caller serves the image's partitions after opening their logs with [OpenLogs].
func Boot(fs disk.FS, cfg *models.Config, defaults log.Config, shards int) (*Controller, error) {
	if err := fs.MkdirAll(cfg.DataDir); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", cfg.DataDir, err)
	}
	dir := filepath.Join(cfg.DataDir, "cluster")
	im, err := Load(fs, dir)
	if err != nil {
		return nil, err
	}
	if im, err = im.WithBroker(defaultClusterID, cfg.NodeID, defaults); err != nil {
		return nil, err
	}
	logs, err := log.OpenDir(fs, filepath.Join(cfg.DataDir, "logs"), log.DirOptions{ClusterID: im.ClusterID(), NodeID: cfg.NodeID})
	if err != nil {
		return nil, err
	}
	im, moved := im.Reassign(shards)
	if !logs.Clean() && im.Partitions() > 0 {
		im = im.BumpLeaderEpochs()
	}
	c := &Controller{fs: fs, dir: dir, logs: logs, shards: shards, makers: int(cfg.Int("num.recovery.threads.per.data.dir")), ownersLead: cfg.Factors.Routing == "direct", image: im, moved: moved}
	err = errors.Join(c.sweep(), Save(fs, dir, im))
	if err == nil {
		// Before any log is opened: what a broker left in its staging files, this
		// model's or not, is part of the logs.
		c.Staged, err = staging.Recover(fs, cfg.DataDir, logs, staging.BootID())
	}
	if err != nil {
		return nil, errors.Join(err, logs.Close(logs.Clean()))
	}
	return c, nil
}

// defaultClusterID names the cluster of a single node. It is constant so that
// two brokers given the same requests answer with the same bytes.
const defaultClusterID = "ceteris-single-node-00"

// sweep removes the directories of topics whose deletion was decided but not
// carried out, and what failed creations have left, which is empty. It refuses to
// touch any other directory it does not know.
func (c *Controller) sweep() error {
	refs, err := c.logs.Partitions()
	if err != nil {
		return err
	}
	for _, ref := range refs {
		t := c.image.Topic([]byte(ref.Topic))
		// A directory that does not say whose it is may be half made. Opening it
		// completes it, or says what is wrong.
		if t != nil && (t.ID == ref.ID || ref.ID == [16]byte{}) && int(ref.Index) < len(t.Parts) {
			continue
		}
		retired := false
		for _, id := range c.image.retired {
			retired = retired || id == ref.ID
		}
		if !retired {
			var err error
			if retired, err = c.logs.Empty(ref.TP); err != nil {
				return err
			}
		}
		if !retired {
			return fmt.Errorf("partition %s-%d is in the log directory but not in the metadata (%s); move it away or restore the metadata",
				ref.Topic, ref.Index, filepath.Join(c.dir, ImageFile))
		}
		if err := c.logs.DeleteLogs([]log.TP{ref.TP}); err != nil {
			return err
		}
	}
	return nil
}

// Opened is one log that OpenLogs opened.
type Opened struct {
	Topic *Topic
	Index int32
	Log   *log.Log
}

// OpenLogs opens every partition of the image on the given number of threads.
func (c *Controller) OpenLogs(threads int) ([]Opened, error) {
	var all []Opened
	for _, t := range c.image.Topics() {
		for i := range t.Parts {
			all = append(all, Opened{Topic: t, Index: int32(i)})
		}
	}
	return all, openLogs(all, threads, c.logs.OpenLog)
}

// openLogs opens or makes logs, several at a time because most of it is waiting
// for the device.
func openLogs(all []Opened, threads int, open func(topic string, index int32, id [16]byte, cfg log.Config) (*log.Log, error)) error {
	return log.Parallel(len(all), threads, func(i int) (err error) {
		o := &all[i]
		o.Log, err = open(o.Topic.Name, o.Index, o.Topic.ID, o.Topic.Log)
		return err
	})
}

// Serve names the host that later changes are carried out by, and publishes the
// image.
func (c *Controller) Serve(h Host) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.host = h
	h.Publish(c.image)
}

// Mutate carries out one command. The image is the one after it, or the present
// one with a code of the protocol and a message when the command is refused.
func (c *Controller) Mutate(cmd Command) (*Image, int16, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, code, msg := c.image.Apply(c.complete(cmd))
	if code != 0 {
		return c.image, code, msg
	}
	if err := c.carryOut(next); err != nil {
		return c.image, kerr.KafkaStorageError.Code, err.Error()
	}
	return c.image, 0, ""
}

// complete fills in what only the controller can choose: ids and owners. The id
// follows from the cluster, the name and the image's version, so it is never
// used twice and the same history gives the same ids.
func (c *Controller) complete(cmd Command) Command {
	switch v := cmd.(type) {
	case CreateTopic:
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(c.image.clusterID+"/"+v.Name+"/"), uint64(c.image.version)))
		v.ID = [16]byte(sum[:16])
		v.ID[6], v.ID[8] = v.ID[6]&0x0f|0x40, v.ID[8]&0x3f|0x80
		if n := max(int(v.Partitions), len(v.Assignment)); n > 0 && n <= MaxPartitionsPerTopic && len(v.Owners) == 0 {
			v.Owners = PlaceLeastLoaded(c.image, n, c.shards)
		}
		return v
	case CreatePartitions:
		if t := c.image.Topic([]byte(v.Name)); t != nil {
			if n := int(v.Count) - len(t.Parts); n > 0 && n <= MaxPartitionsPerTopic && len(v.Owners) == 0 {
				v.Owners = PlaceLeastLoaded(c.image, n, c.shards)
			}
		}
		return v
	}
	return cmd
}

// carryOut makes next the current image. On error everything is as before.
func (c *Controller) carryOut(next *Image) error {
	if err := Save(c.fs, c.dir, next); err != nil {
		return err
	}
	var fresh []Opened
	for _, t := range next.Topics() {
		first := 0
		if old := c.image.TopicByID(t.ID); old != nil {
			first = len(old.Parts)
		}
		for i := first; i < len(t.Parts); i++ {
			fresh = append(fresh, Opened{Topic: t, Index: int32(i)})
		}
	}
	if err := c.open(fresh); err != nil {
		return errors.Join(err, Save(c.fs, c.dir, c.image))
	}
	old := c.image
	c.image = next
	c.host.Publish(next)
	for _, t := range old.Topics() {
		if next.TopicByID(t.ID) != nil {
			continue
		}
		gone := make([]log.TP, len(t.Parts))
		for i := range t.Parts {
			gone[i] = log.TP{Topic: t.Name, Index: int32(i)}
			c.host.ClosePartition(t, int32(i))
		}
		// The image is stored without the topic: what cannot be removed now is
		// removed at the next start.
		_ = c.logs.DeleteLogs(gone)
	}
	return nil
}

// open makes the logs of fresh partitions and has them served, all or none.
func (c *Controller) open(fresh []Opened) error {
	batch := c.logs.Batch(len(fresh))
	err := openLogs(fresh, c.makers, batch.OpenLog)
	if err == nil {
		err = batch.Sync()
	}
	served := 0
	for ; err == nil && served < len(fresh); served++ {
		o := &fresh[served]
		if err = c.host.OpenPartition(o.Topic, o.Index, o.Log); err != nil {
			break
		}
	}
	if err == nil {
		return nil
	}
	gone := make([]log.TP, len(fresh))
	for i := range fresh {
		gone[i] = log.TP{Topic: fresh[i].Topic.Name, Index: fresh[i].Index}
		if i < served {
			c.host.ClosePartition(fresh[i].Topic, fresh[i].Index)
		}
	}
	return errors.Join(err, c.logs.DeleteLogs(gone))
}

// NextProducerID is an id that no producer ever had.
func (c *Controller) NextProducerID() (int64, int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nextID == c.endID {
		start := c.image.NextProducerID()
		next, code, _ := c.image.Apply(AllocateProducerIDs{Count: producerIDBlock})
		if code != 0 {
			return -1, code
		}
		if err := Save(c.fs, c.dir, next); err != nil {
			return -1, kerr.KafkaStorageError.Code
		}
		c.image = next
		c.host.Publish(next)
		c.nextID, c.endID = start, start+producerIDBlock
	}
	c.nextID++
	return c.nextID - 1, 0
}

// Moved is how many partitions this start has given another owner, because the
// number of shards is not what it was.
func (c *Controller) Moved() int { return c.moved }

// Logs is the log directory, for checkpoints and the clean end.
func (c *Controller) Logs() *log.Dir { return c.logs }

// Defaults are the log settings that a broker's configuration asks for.
func Defaults(cfg *models.Config) log.Config {
	d := log.DefaultConfig()
	d.SegmentBytes = int(cfg.Int("log.segment.bytes"))
	d.SegmentMs = cfg.Int("log.roll.ms")
	d.IndexIntervalBytes = int(cfg.Int("log.index.interval.bytes"))
	d.IndexMaxBytes = int(cfg.Int("log.index.size.max.bytes"))
	d.RetentionMs = cfg.Int("log.retention.ms")
	d.RetentionBytes = cfg.Int("log.retention.bytes")
	d.MaxMessageBytes = int(cfg.Int("message.max.bytes"))
	d.ProducerExpirationMs = cfg.Int("producer.id.expiration.ms")
	return d
}
