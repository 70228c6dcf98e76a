package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// ImageFile is the name of the stored image in the cluster directory.
const ImageFile = "image.json"

// formatVersion is written to the file; other versions are refused.
const formatVersion = 1

type storedImage struct {
	FormatVersion  int           `json:"formatVersion"`
	Version        int64         `json:"version"`
	ClusterID      string        `json:"clusterId"`
	NodeID         int32         `json:"nodeId"`
	NextProducerID int64         `json:"nextProducerId"`
	Topics         []storedTopic `json:"topics"`
	RetiredIDs     []string      `json:"retiredTopicIds,omitempty"`
}

type storedTopic struct {
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Configs    map[string]string `json:"configs,omitempty"`
	Partitions []storedPartition `json:"partitions"`
}

type storedPartition struct {
	Leader         int32   `json:"leader"`
	LeaderEpoch    int32   `json:"leaderEpoch"`
	PartitionEpoch int32   `json:"partitionEpoch"`
	Replicas       []int32 `json:"replicas"`
	ISR            []int32 `json:"isr"`
	Owner          int32   `json:"owner"`
}

// Save replaces the image stored in dir, which it creates. When it returns nil
// the image survives a loss of power; when it fails the old one is still there.
func Save(fs disk.FS, dir string, im *Image) error {
	st := storedImage{
		FormatVersion: formatVersion, Version: im.version, ClusterID: im.clusterID, NodeID: im.nodeID,
		NextProducerID: im.nextProducerID, Topics: make([]storedTopic, 0, len(im.sorted)),
	}
	for _, t := range im.sorted {
		s := storedTopic{Name: t.Name, ID: FormatID(t.ID), Configs: t.Configs, Partitions: make([]storedPartition, len(t.Parts))}
		for i := range t.Parts {
			s.Partitions[i] = storedPartition(t.Parts[i])
		}
		st.Topics = append(st.Topics, s)
	}
	for _, id := range im.retired {
		st.RetiredIDs = append(st.RetiredIDs, FormatID(id))
	}
	b, err := json.Marshal(&st)
	if err != nil {
		return fmt.Errorf("cluster: encoding the image: %w", err)
	}
	if err := fs.MkdirAll(dir); err != nil {
		return err
	}
	// WriteFileAtomic syncs dir; dir's own entry needs its parent synced.
	if err := fs.SyncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	return disk.WriteFileAtomic(fs, filepath.Join(dir, ImageFile), append(b, '\n'))
}

// Load reads the image stored in dir, with Kafka's defaults for topics until
// [Image.WithBroker] brings the broker's own. Where nothing is stored it returns
// an empty image. A file that cannot be understood is an error that names it
// and the place; nothing is repaired silently.
func Load(fs disk.FS, dir string) (*Image, error) {
	path := filepath.Join(dir, ImageFile)
	b, err := disk.ReadFile(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return New("", 0, log.DefaultConfig()), nil
	}
	if err != nil {
		return nil, err
	}
	var st storedImage
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&st); err != nil {
		return nil, fmt.Errorf("cluster: %s: byte %d: %w", path, d.InputOffset(), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("cluster: %s: byte %d: something follows the image", path, d.InputOffset())
	}
	im, err := st.image()
	if err != nil {
		return nil, fmt.Errorf("cluster: %s: %w", path, err)
	}
	return im, nil
}

// image checks what was stored as strictly as a command would.
func (st *storedImage) image() (*Image, error) {
	if st.FormatVersion != formatVersion {
		return nil, fmt.Errorf("format version %d, this program reads %d", st.FormatVersion, formatVersion)
	}
	if st.NextProducerID < 0 || st.Version < 0 {
		return nil, fmt.Errorf("version %d and next producer id %d must not be negative", st.Version, st.NextProducerID)
	}
	im := New(st.ClusterID, st.NodeID, log.DefaultConfig())
	im.version, im.nextProducerID = st.Version, st.NextProducerID
	for _, s := range st.RetiredIDs {
		id, err := ParseID(s)
		if err != nil {
			return nil, err
		}
		im.retired = append(im.retired, id)
	}
	for i := range st.Topics {
		t, err := st.Topics[i].topic(im)
		if err != nil {
			return nil, fmt.Errorf("topic %d (%q): %w", i, st.Topics[i].Name, err)
		}
		im.add(t)
	}
	return im, nil
}

func (s *storedTopic) topic(im *Image) (*Topic, error) {
	if err := ValidateTopicName(s.Name); err != nil {
		return nil, err
	}
	if im.byName[s.Name] != nil {
		return nil, errors.New("the name is there twice")
	}
	id, err := ParseID(s.ID)
	if err != nil {
		return nil, err
	}
	if why := im.idTaken(id); why != "" {
		return nil, fmt.Errorf("topic id %s %s", s.ID, why)
	}
	if n := len(s.Partitions); n < 1 || n > MaxPartitionsPerTopic {
		return nil, fmt.Errorf("%d partitions, want 1 to %d", n, MaxPartitionsPerTopic)
	}
	t := &Topic{Name: s.Name, ID: id, Configs: s.Configs, Parts: make([]PartMeta, len(s.Partitions))}
	if t.Log, err = EffectiveConfig(im.defaults, s.Configs); err != nil {
		return nil, err
	}
	for i := range t.Parts {
		p := PartMeta(s.Partitions[i])
		if len(p.Replicas) == 0 || p.LeaderEpoch < 0 || p.PartitionEpoch < 0 || p.Owner < 0 {
			return nil, fmt.Errorf("partition %d: replicas %v, leader epoch %d, partition epoch %d, owner %d are not possible",
				i, p.Replicas, p.LeaderEpoch, p.PartitionEpoch, p.Owner)
		}
		t.Parts[i] = p
	}
	return t, nil
}
