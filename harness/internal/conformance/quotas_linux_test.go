package conformance

import (
	"testing"

	"github.com/ceteris/ceteris/models/modeltest"
)

// quotaPoints are the models, with what bears on what a broker keeps of clients: who takes connections,
// who owns partitions, and how many requests of a connection are in the broker.
var quotaPoints = []modeltest.Point{
	{Model: "threadpool"},
	{Model: "threadpool", Set: []string{"threads", "goroutine"}},
	{Model: "threadpool", Set: []string{"disk", "direct", "inflight", "8"}},
	{Model: "tpc", Shards: 1},
	{Model: "tpc", Shards: 3},
	{Model: "tpc", Shards: 2, Set: []string{"network", "epoll", "accept", "reuseport"}},
}

func TestProduceQuota(t *testing.T) { each(t, modeltest.EnforcesProduceQuota) }

func TestFetchQuota(t *testing.T) { each(t, modeltest.EnforcesFetchQuota) }

func TestAddressLimit(t *testing.T) { each(t, modeltest.LimitsAddresses) }

func TestConnectionRate(t *testing.T) { each(t, modeltest.LimitsRate) }

func TestSessionsBeginAnywhere(t *testing.T) { each(t, modeltest.SessionsBeginAnywhere) }

func each(t *testing.T, check func(*testing.T, modeltest.Point)) {
	for _, p := range quotaPoints {
		t.Run(p.String(), func(t *testing.T) { check(t, p) })
	}
}
