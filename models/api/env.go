package api

import (
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
