package conformance

import (
	"testing"

	"github.com/ceteris/ceteris/models/modeltest"
)

// TestCopies: what each model copies of what it is sent, in the words of
// ARCHITECTURE's request path. Shards copy every batch into an aligned chunk, and
// a frame that arrives in parts once more; the pool writes a batch from where it
// was received, unless it leaves the page cache.
func TestCopies(t *testing.T) {
	for _, x := range []struct {
		at   modeltest.Point
		want modeltest.Copies
	}{
		{modeltest.Point{Model: "tpc", Shards: 1}, modeltest.Copies{Append: true, Whole: true}},
		{modeltest.Point{Model: "tpc", Shards: 2, Set: []string{"network", "epoll"}}, modeltest.Copies{Append: true, Whole: true}},
		{modeltest.Point{Model: "tpc", Shards: 1, Set: []string{"staging", "shared"}}, modeltest.Copies{Append: true, Whole: true}},
		{modeltest.Point{Model: "threadpool"}, modeltest.Copies{}},
		{modeltest.Point{Model: "threadpool", Set: []string{"memory", "arena"}}, modeltest.Copies{Fetch: true}},
		{modeltest.Point{Model: "threadpool", Set: []string{"disk", "direct"}}, modeltest.Copies{Append: true, Carry: true}},
	} {
		t.Run(x.at.String(), func(t *testing.T) { modeltest.CountsCopies(t, x.at, x.want) })
	}
}

// TestSystemCalls: every way to wait and to move bytes is counted. One produce
// request alone, where nobody polls for work, takes a shard a wait for it and one
// for the device; by epoll also a receive, a send, the write, and a wake-up from
// it. The pool waits, receives, wakes a handler that waited, writes, wakes the
// network thread that waited, and sends.
func TestSystemCalls(t *testing.T) {
	for _, x := range []struct {
		at    modeltest.Point
		calls int64
	}{
		{modeltest.Point{Model: "tpc", Shards: 1, Set: []string{"spin", "0"}}, 2},
		{modeltest.Point{Model: "tpc", Shards: 2, Set: []string{"spin", "0", "network", "epoll"}}, 6},
		{modeltest.Point{Model: "threadpool", Set: []string{"spin", "0"}}, 8},
		{modeltest.Point{Model: "threadpool", Set: []string{"spin", "0", "network", "uring"}}, 5},
		{modeltest.Point{Model: "threadpool", Set: []string{"spin", "0", "threads", "goroutine"}}, 5},
	} {
		t.Run(x.at.String(), func(t *testing.T) { modeltest.CountsSystemCalls(t, x.at, x.calls) })
	}
}
