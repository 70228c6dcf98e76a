package api

import (
	"slices"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/wire"
)

// Env is what a broker is to its APIs. A shell fills it in before it serves and
// leaves it alone afterwards.
type Env struct {
	Cfg       *models.Config
	ClusterID string
	// Nodes are the addresses that clients are told, this broker's first. With
	// Direct, shard i is a broker of its own to clients, and its address is
	// Nodes[i].
	Nodes  []wire.Node
	Direct bool

	Image   func() *cluster.Image // the current metadata; any thread
	Control Control
	NowMs   func() int64 // wall clock
}

// Control changes the cluster's metadata. It blocks until the change is on disk
// and every partition it opened can be used, so only what runs at
// [Controller] may call it.
type Control interface {
	// Mutate applies a command. The image is the one after it; code and msg say
	// why it was refused.
	Mutate(c cluster.Command) (im *cluster.Image, code int16, msg string)
	// NextProducerID is an id that no producer ever had.
	NextProducerID() (id int64, code int16)
}

// leader is the node id that clients are sent to for a partition.
func (e *Env) leader(pm *cluster.PartMeta) int32 {
	if e.Direct && int(pm.Owner) < len(e.Nodes) {
		return e.Nodes[pm.Owner].ID
	}
	return pm.Leader
}

// leads reports whether this broker leads the partition.
func (e *Env) leads(pm *cluster.PartMeta) bool { return pm.Leader == e.Cfg.NodeID }

// placed reads an assignment as clients give it, by the ids that they know: with
// Direct a replica on a shard's node is one on this broker, owned by that shard.
// An assignment to any other node comes back as it is, for the cluster to refuse.
func (e *Env) placed(assignment [][]int32) (replicas [][]int32, owners []int32) {
	if !e.Direct {
		return assignment, nil
	}
	for _, ids := range assignment {
		shard := -1
		if len(ids) == 1 {
			shard = slices.IndexFunc(e.Nodes, func(n wire.Node) bool { return n.ID == ids[0] })
		}
		if shard < 0 {
			return assignment, nil
		}
		replicas, owners = append(replicas, []int32{e.Cfg.NodeID}), append(owners, int32(shard))
	}
	return replicas, owners
}

// nodes are the node ids for a list of replicas, as clients see them.
func (e *Env) nodes(pm *cluster.PartMeta, ids []int32) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = id
		if id == pm.Leader {
			out[i] = e.leader(pm)
		}
	}
	return out
}
