package cluster

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Command is one change of the metadata. It carries whatever is not determined
// by the image it is applied to.
type Command interface {
	// apply changes next, a clone of the image, and may leave it half changed
	// when it refuses.
	apply(next *Image) (code int16, msg string)
}

// Apply returns the image after c, or nil with a code of the protocol and a
// message for the client when c is refused. The receiver is unchanged.
func (im *Image) Apply(c Command) (*Image, int16, string) {
	next := im.clone()
	if code, msg := c.apply(next); code != 0 {
		return nil, code, msg
	}
	next.version++
	return next, 0, ""
}

// DeleteTopic removes a topic by its name, or by its id when Name is empty.
type DeleteTopic struct {
	Name string
	ID   [16]byte
}

func (c DeleteTopic) apply(im *Image) (int16, string) {
	name := c.Name
	if name == "" {
		t := im.byID[c.ID]
		if t == nil {
			return kerr.UnknownTopicID.Code, "no topic has id " + FormatID(c.ID)
		}
		name = t.Name
	}
	i, ok := im.place(name)
	if !ok {
		return unknownTopic(name)
	}
	t := im.sorted[i]
	im.sorted = slices.Delete(im.sorted, i, i+1)
	delete(im.byName, t.Name)
	delete(im.byID, t.ID)
	im.partitions -= len(t.Parts)
	im.retire(t.ID)
	return 0, ""
}

// CreatePartitions raises a topic's partitions to Count. Assignment (replicas of
// the new partitions) and Owners (their shards) are either empty or one per new
// partition.
type CreatePartitions struct {
	Name       string
	Count      int32
	Assignment [][]int32
	Owners     []int32
}

func (c CreatePartitions) apply(im *Image) (int16, string) {
	i, ok := im.place(c.Name)
	if !ok {
		return unknownTopic(c.Name)
	}
	t := im.sorted[i]
	have := int32(len(t.Parts))
	if c.Count <= have {
		return kerr.InvalidPartitions.Code, fmt.Sprintf("topic %s has %d partitions, %d are not more", t.Name, have, c.Count)
	}
	fresh := *t
	parts, code, msg := im.newParts(int(c.Count-have), int(have), c.Assignment, c.Owners)
	if code != 0 {
		return code, msg
	}
	fresh.Parts = append(slices.Clip(t.Parts), parts...)
	im.put(i, &fresh)
	return 0, ""
}

// AlterConfigs changes a topic's settings: Unset ones return to the default
// before Set ones are written.
type AlterConfigs struct {
	Name  string
	Set   map[string]string
	Unset []string
}

func (c AlterConfigs) apply(im *Image) (int16, string) {
	i, ok := im.place(c.Name)
	if !ok {
		return unknownTopic(c.Name)
	}
	fresh := *im.sorted[i]
	fresh.Configs = maps.Clone(fresh.Configs)
	if fresh.Configs == nil {
		fresh.Configs = map[string]string{}
	}
	for _, name := range c.Unset {
		if FindTopicConfig(name) == nil {
			return kerr.InvalidConfig.Code, unknownConfig(name).Error()
		}
		delete(fresh.Configs, name)
	}
	maps.Copy(fresh.Configs, c.Set)
	var err error
	if fresh.Log, err = EffectiveConfig(im.defaults, fresh.Configs); err != nil {
		return kerr.InvalidConfig.Code, err.Error()
	}
	im.put(i, &fresh)
	return 0, ""
}

// AllocateProducerIDs reserves the next Count producer ids: those from the
// NextProducerID before the command to the one after it, exclusive.
type AllocateProducerIDs struct{ Count int64 }

func (c AllocateProducerIDs) apply(im *Image) (int16, string) {
	if c.Count < 1 || c.Count > math.MaxInt64-im.nextProducerID {
		return kerr.InvalidRequest.Code, fmt.Sprintf("cannot allocate %d producer ids after %d", c.Count, im.nextProducerID)
	}
	im.nextProducerID += c.Count
	return 0, ""
}

func unknownTopic(name string) (int16, string) {
	return kerr.UnknownTopicOrPartition.Code, fmt.Sprintf("no topic is named %q", name)
}
