package threadpool

import (
	"strings"
	"testing"

	"github.com/ceteris/ceteris/models/uring"
)

// TestRing plays what clients do to sockets over a ring, and over a ring with
// memory and files of the pool's own: the same has to come out.
func TestRing(t *testing.T) {
	if _, err := uring.Probe(); err != nil {
		t.Skip("no io_uring here: ", err)
	}
	for _, set := range [][]string{{"network", "uring"}, {"network", "uring", "memory", "arena", "disk", "direct", "threads", "pinned"}} {
		t.Run(strings.Join(set, " "), func(t *testing.T) {
			also = set
			defer func() { also = nil }()
			for name, test := range map[string]func(*testing.T){
				"malformed": TestMalformed, "versions": TestUnknownAPIVersions, "pieces": TestPieces, "acks": TestAcks,
				"slow reader": TestSlowReader, "long poll": TestLongPoll, "idle": TestIdleConnections, "most": TestMaxConnections,
				"topics": TestTopics, "stop without clients' help": TestStopGivesUp,
			} {
				t.Run(name, test)
			}
		})
	}
}

// TestNetworkChosen: what was asked for is there or the start fails; auto takes
// a ring where there is one, and both are told.
func TestNetworkChosen(t *testing.T) {
	_, none := uring.Probe()
	for _, network := range []string{"auto", "epoll", "uring"} {
		if network == "uring" && none != nil {
			continue
		}
		b, stop := start(t, config(t, "network", network))
		want := "io_uring"
		if network == "epoll" || none != nil {
			want = "epoll"
		}
		if got := b.Facts()["network"]; !strings.HasPrefix(got, want) {
			t.Errorf("network=%s: got %q, want %s", network, got, want)
		}
		stop()
	}
	if _, err := New(config(t, "network", "uring", "threads", "goroutine")); err == nil || !strings.Contains(err.Error(), "network=uring") {
		t.Errorf("a ring without a thread: %v", err)
	}
}
