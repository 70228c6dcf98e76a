package threadpool

import (
	"errors"
	"fmt"

	"github.com/ceteris/ceteris/models"
)

// Model is the thread pool as the registry knows it.
var Model = models.Model{
	Name:   "threadpool",
	Preset: models.PresetThreadPool,
	New:    func(cfg models.Config) (models.Broker, error) { return New(cfg) },
}

func init() { models.Register(Model) }

// check refuses what this model does not implement, everything at once.
func check(cfg *models.Config) error {
	f := &cfg.Factors
	errs := []error{cfg.Validate()}
	refuse := func(name, got, want string) {
		errs = append(errs, fmt.Errorf("model threadpool: factor %s=%s: it has %s", name, got, want))
	}
	if f.Ownership != "shared" {
		refuse("ownership", f.Ownership, "shared only")
	}
	switch f.Network {
	case "auto", "epoll":
	case "uring":
		if f.Threads == "goroutine" {
			refuse("network", f.Network, "epoll and netpoll with threads=goroutine: a ring belongs to a thread")
		}
	case "netpoll":
		if f.Threads != "goroutine" {
			refuse("network", f.Network, "netpoll with threads=goroutine only")
		}
	}
	if f.Memory == "arena" && f.Threads == "goroutine" {
		refuse("memory", f.Memory, "heap only with threads=goroutine: an arena belongs to a thread")
	}
	if f.Staging == "shared" {
		refuse("staging", f.Staging, "none: it writes to the page cache")
	}
	if f.Balance != "n/a" {
		refuse("balance", f.Balance, "n/a only")
	}
	if f.Accept != "n/a" {
		refuse("accept", f.Accept, "n/a only")
	}
	if f.Routing == "direct" {
		refuse("routing", f.Routing, "no shards to route to")
	}
	if f.Borrow == "on" {
		refuse("borrow", f.Borrow, "no shards that could borrow")
	}
	if f.Mesh != "n/a" {
		refuse("mesh", f.Mesh, "no shards to connect")
	}
	if cfg.Append {
		errs = append(errs, errors.New("setting append: it is for the null model"))
	}
	return errors.Join(errs...)
}
