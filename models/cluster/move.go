package cluster

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Move asks for a partition to live on another shard.
type Move struct {
	Topic string
	Index int32
	To    int32
}

// SetOwners moves partitions to other shards. NewEpochs raises their leader
// epochs, for clients that learn the owner as the leader: they believe a new
// leader only with a higher epoch.
type SetOwners struct {
	Moves     []Move
	NewEpochs bool
}

func (c SetOwners) apply(im *Image) (int16, string) {
	fresh := map[string][]bool{} // topics with parts of their own here, and which of those have moved
	for _, m := range c.Moves {
		i, ok := im.place(m.Topic)
		if !ok {
			return unknownTopic(m.Topic)
		}
		t := im.sorted[i]
		if m.Index < 0 || int(m.Index) >= len(t.Parts) {
			return kerr.UnknownTopicOrPartition.Code, fmt.Sprintf("topic %s has %d partitions, none is %d", t.Name, len(t.Parts), m.Index)
		}
		if m.To < 0 {
			return kerr.InvalidRequest.Code, fmt.Sprintf("partition %s-%d cannot move to shard %d", t.Name, m.Index, m.To)
		}
		moved := fresh[t.Name]
		if moved == nil {
			own := *t
			own.Parts = slices.Clone(t.Parts)
			im.put(i, &own)
			t, moved = &own, make([]bool, len(own.Parts))
			fresh[t.Name] = moved
		}
		if moved[m.Index] {
			return kerr.InvalidRequest.Code, fmt.Sprintf("partition %s-%d is to move twice at once", t.Name, m.Index)
		}
		moved[m.Index] = true
		pm := &t.Parts[m.Index]
		if pm.Owner == m.To {
			continue
		}
		pm.Owner = m.To
		if c.NewEpochs {
			pm.LeaderEpoch++
			pm.PartitionEpoch++
		}
	}
	return 0, ""
}

// Handover is one move as its host carries it out. Topic is the one before it.
type Handover struct {
	Topic    *Topic
	Index    int32
	From, To int32
}

// Mover is a host whose partitions live on shards.
type Mover interface {
	Host
	// Quiesce makes partitions ready to leave: what arrives for them waits, what
	// they have is on the device, and there is room for each where it is going. It
	// returns an error for each that cannot leave, or nil; those are served where
	// they were.
	Quiesce([]Handover) []error
	// HandOver publishes the image and brings partitions that are quiet to their
	// new shards. What waited for them is served there when it returns.
	HandOver(*Image, []Handover) error
}

// ErrNoShards is what a host without shards says to a move.
var ErrNoShards = errors.New("partitions of this broker belong to no shard")

// Move moves partitions between shards and returns an error, or nil, for each; a
// partition whose move failed is where it was, and one that is there already is
// no error. All are quiet together for a moment, so callers move a few at a time.
//
// The image is stored first. A crash thereafter is a start with the partitions at
// their new shards, which is as good: the files are the same.
func (c *Controller) Move(moves []Move) []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := make([]error, len(moves))
	all := func(err error) []error {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
		return errs
	}
	mover, ok := c.host.(Mover)
	if !ok {
		return all(ErrNoShards)
	}
	asked, leaving, at := c.resolve(moves, errs)
	if len(leaving) == 0 {
		return errs
	}
	next, code, msg := c.image.Apply(SetOwners{Moves: asked, NewEpochs: c.ownersLead})
	if code != 0 {
		return all(errors.New(msg))
	}
	if err := Save(c.fs, c.dir, next); err != nil {
		return all(err)
	}
	quiet, ready := leaving[:0:0], asked[:0:0]
	for i, err := range mover.Quiesce(leaving) {
		if errs[at[i]] = err; err == nil {
			quiet, ready = append(quiet, leaving[i]), append(ready, asked[i])
		}
	}
	if len(quiet) < len(leaving) {
		if next = c.image; len(quiet) > 0 {
			next, _, _ = c.image.Apply(SetOwners{Moves: ready, NewEpochs: c.ownersLead})
		}
		// If this fails, the next start has them at the shards that they did not
		// reach now, which is no loss.
		_ = Save(c.fs, c.dir, next)
	}
	if len(quiet) == 0 {
		return errs
	}
	c.image = next
	if err := mover.HandOver(next, quiet); err != nil {
		return all(err)
	}
	return errs
}

// resolve finds the moves that are possible and change something. at says which
// of moves each was.
func (c *Controller) resolve(moves []Move, errs []error) (asked []Move, leaving []Handover, at []int) {
	for i, m := range moves {
		t := c.image.Topic([]byte(m.Topic))
		switch {
		case t == nil:
			_, msg := unknownTopic(m.Topic)
			errs[i] = errors.New(msg)
		case m.Index < 0 || int(m.Index) >= len(t.Parts):
			errs[i] = fmt.Errorf("topic %s has %d partitions, none is %d", t.Name, len(t.Parts), m.Index)
		case m.To < 0 || int(m.To) >= c.shards:
			errs[i] = fmt.Errorf("there are %d shards, none is %d", c.shards, m.To)
		case slices.ContainsFunc(asked, func(o Move) bool { return o.Topic == m.Topic && o.Index == m.Index }):
			errs[i] = fmt.Errorf("partition %s-%d is to move twice at once", m.Topic, m.Index)
		case t.Parts[m.Index].Owner != m.To:
			asked, at = append(asked, m), append(at, i)
			leaving = append(leaving, Handover{Topic: t, Index: m.Index, From: t.Parts[m.Index].Owner, To: m.To})
		}
	}
	return asked, leaving, at
}
