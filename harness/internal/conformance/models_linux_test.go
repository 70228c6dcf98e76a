package conformance

import (
	"slices"

	"github.com/ceteris/ceteris/models/modeltest"

	_ "github.com/ceteris/ceteris/threadpool"
	_ "github.com/ceteris/ceteris/tpc"
)

// reference is what every other point is compared with: which one does not
// matter, since all have to be the same.
var reference = modeltest.Point{Model: "threadpool"}

// pool are the factors of the thread pool that change the path of a request, all
// of which an experiment may set on its own.
var pool = []modeltest.Choice{
	{Name: "threads", Values: []string{"os", "pinned", "goroutine"}},
	{Name: "network", Values: []string{"uring", "epoll", "netpoll"}},
	{Name: "disk", Values: []string{"direct", "buffered"}},
	{Name: "memory", Values: []string{"arena", "heap"}},
	{Name: "inflight", Values: []string{"8", "1"}},
	{Name: "durability", Values: []string{"power", "process", "memory"}},
	{Name: "commit", Values: []string{"group", "each"}},
}

// poolHas says which of their combinations there are: what belongs to a thread
// (a ring, an arena) needs one, and only at durability power is there a sync to
// share.
func poolHas(v map[string]string) bool {
	free := v["threads"] == "goroutine"
	return (v["network"] != "netpoll" || free) && (v["network"] != "uring" || !free) &&
		(v["memory"] != "arena" || !free) && (v["commit"] != "each" || v["durability"] == "power")
}

// poolPoints are combinations in which every two values meet that can.
var poolPoints = modeltest.Points("threadpool", pool, modeltest.Cover(pool, poolHas))

// points are the pool's, and those of the shards that cover every pair of how the
// network is polled, how many there are, and what an acknowledgement waits for;
// and every way to a shard.
var points = append(slices.Clone(poolPoints), []modeltest.Point{
	{Model: "tpc", Shards: 1, Set: []string{"network", "epoll", "durability", "process"}},
	{Model: "tpc", Shards: 2, Set: []string{"network", "uring", "durability", "process"}},
	{Model: "tpc", Shards: 3, Set: []string{"network", "epoll", "durability", "power", "mesh", "mpsc"}},
	{Model: "tpc", Shards: 1, Set: []string{"network", "uring", "durability", "power"}},
	{Model: "tpc", Shards: 2, Set: []string{"network", "epoll", "durability", "memory", "mesh", "mpsc"}},
	{Model: "tpc", Shards: 2, Set: []string{"network", "epoll", "durability", "process", "routing", "direct"}},
	{Model: "tpc", Shards: 3, Set: []string{"network", "uring", "durability", "memory"}},
	{Model: "tpc", Shards: 3, Set: []string{"network", "uring", "durability", "process", "routing", "direct"}},
	{Model: "tpc", Shards: 3, Set: []string{"network", "epoll", "durability", "process", "accept", "reuseport"}},
	{Model: "tpc", Shards: 2, Set: []string{"network", "uring", "durability", "process", "staging", "shared"}},
	{Model: "tpc", Shards: 1, Set: []string{"network", "epoll", "durability", "power", "staging", "shared"}},
}...)
