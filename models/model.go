package models

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/ceteris/ceteris/models/telemetry"
)

// Broker is one running broker of some model.
type Broker interface {
	// Start locks the data directory, recovers it, binds the listener and
	// returns once requests are served. On error nothing is left behind.
	Start() error
	// Addr is the host:port that clients reach, known after Start.
	Addr() string
	// Stop answers what is in flight, closes every log at its exact length and
	// marks the directory clean. It returns early with ctx's error.
	Stop(ctx context.Context) error
	// Fatal yields the error that made the broker stop on its own, if any.
	Fatal() <-chan error
	// Telemetry is what the admin port serves.
	Telemetry() *telemetry.Registry
	// Facts are what only probing could tell (network backend, O_DIRECT
	// alignment, shards); recorded with every result.
	Facts() map[string]string
}

// Model makes brokers.
type Model struct {
	Name   string
	Preset func() Factors
	New    func(Config) (Broker, error) // refuses factor values it does not implement
}

var registry = map[string]Model{}

// Register adds a model; called from init of the model's package.
func Register(m Model) {
	if _, twice := registry[m.Name]; twice {
		panic("models: " + m.Name + " registered twice")
	}
	registry[m.Name] = m
}

// Lookup finds a model by name; the error lists the ones there are.
func Lookup(name string) (Model, error) {
	m, ok := registry[name]
	if !ok {
		return Model{}, fmt.Errorf("no model %q: have %s", name, strings.Join(Names(), ", "))
	}
	return m, nil
}

// Names lists the registered models in alphabetical order.
func Names() []string {
	var out []string
	for n := range registry {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}
