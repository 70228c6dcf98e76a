// Package tpc is the shard-per-core broker: one pinned thread per core, each
// with its own connections, memory, disk queue and partitions. A partition is
// owned by exactly one shard; nothing is locked, because nothing is shared.
//
// The path of a produce request, stop by stop:
//
//	conn.OnData          bytes readable, frames cut          (conn.go)
//	shard.serve          header, API                         (shard.go)
//	shard.serveProduce   decode, split by partition          (produce.go)
//	shard.send           a message, if another shard owns it (mesh)
//	shard.applyProduce   validate, offsets, copy to a chunk  (produce.go, models/api)
//	appender.submit      one write a partition in flight     (appender.go)
//	appender.DiskDone    durable: waiters of the partition   (appender.go, partition.go)
//	conn.flush           answers in order, one send          (answer.go)
//
// And of a fetch:
//
//	conn.OnData, shard.serve                                 (conn.go, shard.go)
//	shard.serveFetch     decode, session, one leg a shard    (fetch.go)
//	shard.send           a message for every other shard     (mesh)
//	shard.startLeg       look at every part at its owner     (leg.go)
//	window.load          the device, if memory has it not    (coldwait.go, window.go)
//	partition.advance    wait for more, if that is too little (partition.go)
//	shard.legDone        home with references to the bytes   (leg.go)
//	shard.fetchDone      all legs are home                   (fetch.go)
//	conn.flush           answers in order, one send          (answer.go)
//
// What the models share (codec, log, partition state, decisions) lies in the
// packages under models; this package only says on which thread each step runs,
// how the parts travel and who waits.
package tpc

import (
	"errors"
	"fmt"

	"github.com/ceteris/ceteris/models"
)

func init() {
	models.Register(models.Model{Name: "tpc", Preset: models.PresetTPC, New: New})
}

// New checks that the factors are ones this model has.
func New(cfg models.Config) (models.Broker, error) {
	f := &cfg.Factors
	var errs []error
	refuse := func(name, got, have string) {
		errs = append(errs, fmt.Errorf("model tpc: factor %s=%s is not available, have %s", name, got, have))
	}
	if f.Ownership != "shard" {
		refuse("ownership", f.Ownership, "shard")
	}
	if f.Threads != "pinned" {
		refuse("threads", f.Threads, "pinned")
	}
	if f.Network == "netpoll" {
		refuse("network", f.Network, "auto, uring, epoll")
	}
	if f.Staging == "n/a" {
		refuse("staging", f.Staging, "none, shared")
	}
	if f.Memory != "arena" {
		refuse("memory", f.Memory, "arena")
	}
	if f.Commit != "group" {
		refuse("commit", f.Commit, "group")
	}
	if f.Routing == "n/a" {
		refuse("routing", f.Routing, "forward, direct")
	}
	if f.Balance == "n/a" {
		refuse("balance", f.Balance, "none, counts, load")
	}
	if f.Accept == "n/a" {
		refuse("accept", f.Accept, "handoff, reuseport")
	}
	if f.Routing == "direct" && (cfg.NodeID < 0 || cfg.NodeID >= nodeStride) {
		errs = append(errs, fmt.Errorf("model tpc: routing=direct gives shard i the node id of the broker plus %d·i, which needs a broker's id below %d, got id %d",
			nodeStride, nodeStride, cfg.NodeID))
	}
	if f.Borrow == "n/a" {
		refuse("borrow", f.Borrow, "on, off")
	}
	if f.Mesh == "n/a" {
		refuse("mesh", f.Mesh, "spsc, mpsc")
	}
	if cfg.Append {
		errs = append(errs, errors.New("model tpc: setting append is the null model's"))
	}
	errs = append(errs, cfg.Validate())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return newBroker(cfg), nil
}
