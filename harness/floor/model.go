package floor

import (
	"errors"
	"fmt"

	"github.com/ceteris/ceteris/models"
)

func init() {
	models.Register(models.Model{Name: "null", Preset: models.PresetTPC, New: New})
}

// New checks that the factors are ones the floor has.
func New(cfg models.Config) (models.Broker, error) {
	var errs []error
	if cfg.Factors.Network == "netpoll" {
		errs = append(errs, fmt.Errorf("model null: factor network=netpoll is not available, have auto, uring, epoll"))
	}
	if cfg.Factors.Threads != "pinned" {
		errs = append(errs, fmt.Errorf("model null: factor threads=%s is not available, have pinned", cfg.Factors.Threads))
	}
	errs = append(errs, cfg.Validate())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Broker{cfg: cfg, fatal: make(chan error, 1)}, nil
}
