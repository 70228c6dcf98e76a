package conformance

import (
	"github.com/ceteris/ceteris/models/modeltest"

	_ "github.com/ceteris/ceteris/threadpool"
	_ "github.com/ceteris/ceteris/tpc"
)

// reference is what every other point is compared with: which one does not
// matter, since all have to be the same.
var reference = modeltest.Point{Model: "threadpool"}

// points cover every pair of values of the factors that change the path of a
// request: how the network is polled, how many shards there are, what schedules
// the pool, and what an acknowledgement waits for; and every way to a shard.
var points = []modeltest.Point{
	{Model: "threadpool", Set: []string{"threads", "os", "durability", "power"}},
	{Model: "threadpool", Set: []string{"threads", "os", "durability", "memory"}},
	{Model: "threadpool", Set: []string{"threads", "goroutine", "durability", "process"}},
	{Model: "threadpool", Set: []string{"threads", "goroutine", "durability", "power", "network", "netpoll"}},
	{Model: "threadpool", Set: []string{"threads", "goroutine", "durability", "memory"}},
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
}
