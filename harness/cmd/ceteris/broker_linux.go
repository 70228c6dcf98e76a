package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/telemetry"
)

// pinnedMark tells the process that it has bound itself already.
const pinnedMark = "CETERIS_PINNED"

// stopLimit is how long a broker may take to close its logs: with 10,000 of them
// and a disk that others use, more than half a minute.
const stopLimit = 2 * time.Minute

// ready is the line that a broker prints when it serves.
type ready struct {
	Ready  bool              `json:"ready"`
	Listen string            `json:"listen"`
	Admin  string            `json:"admin,omitempty"`
	Model  string            `json:"model"`
	Config map[string]string `json:"config"`
	Facts  map[string]string `json:"facts"`
	PID    int               `json:"pid"`
}

// Run is one broker from start to clean stop.
func (c *brokerCmd) Run(ctx context.Context, std streams) error {
	model, cfg, err := c.config()
	if err != nil {
		return err
	}
	if err := pin(cfg.CPUs); err != nil {
		return err
	}
	if err := c.writable(); err != nil {
		return err
	}
	broker, err := model.New(cfg)
	if err != nil {
		return usage("%s", asLine(err)) // it names the model
	}
	facts := tune(broker, &cfg)
	if err := broker.Start(); err != nil {
		return fmt.Errorf("model %s: %s", model.Name, asLine(err))
	}
	line := ready{
		Ready: true, Listen: broker.Addr(), Model: model.Name, Config: cfg.Effective(),
		Facts: broker.Facts(), PID: os.Getpid(),
	}
	if line.Facts == nil {
		line.Facts = map[string]string{}
	}
	for k, v := range facts {
		line.Facts[k] = v
	}
	closeAdmin := func() {}
	if c.Admin != "" {
		if line.Admin, closeAdmin, err = telemetry.ServeAdmin(c.Admin, broker.Telemetry()); err != nil {
			stop, cancel := context.WithTimeout(context.Background(), stopLimit)
			defer cancel()
			_ = broker.Stop(stop) // the admin port's error is what the user needs
			return fmt.Errorf("--admin %s: %w", c.Admin, err)
		}
	}
	defer closeAdmin()
	if err := json.NewEncoder(std.out).Encode(line); err != nil {
		return fmt.Errorf("printing the ready line: %w", err)
	}
	return c.serve(ctx, std, broker)
}

// serve waits for a reason to stop, and stops.
func (c *brokerCmd) serve(ctx context.Context, std streams, broker models.Broker) error {
	ended := make(chan struct{})
	if c.StopWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, std.in)
			close(ended)
		}()
	}
	var fatal error
	select {
	case <-ctx.Done():
	case <-ended:
	case fatal = <-broker.Fatal():
	}
	stop, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	err := broker.Stop(stop)
	if fatal != nil {
		return fmt.Errorf("stopped on its own: %w", fatal)
	}
	if err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}

// pin binds the whole process. Threads of the Go runtime exist already, so the
// calling thread binds itself and starts the program again: every thread of the
// second life inherits the binding. It is then read back from the kernel.
func pin(cpus []int) error {
	if len(cpus) == 0 {
		return nil
	}
	if os.Getenv(pinnedMark) != host.FormatCPUs(cpus) {
		runtime.LockOSThread()
		if err := host.SetAffinity(cpus); err != nil {
			return usage("--cpus: %v", err)
		}
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("--cpus: finding this program: %w", err)
		}
		env := append(os.Environ(), pinnedMark+"="+host.FormatCPUs(cpus))
		return fmt.Errorf("--cpus: starting again: %w", syscall.Exec(self, os.Args, env))
	}
	got, err := host.Machine{}.ReadBack(os.Getpid(), cpus)
	if err != nil {
		return fmt.Errorf("--cpus: %w", err)
	}
	if host.FormatCPUs(got) != host.FormatCPUs(cpus) {
		return fmt.Errorf("--cpus: bound to %s, wanted %s", host.FormatCPUs(got), host.FormatCPUs(cpus))
	}
	return nil
}

// writable tries the data directory before any model looks at it, so that both
// refuse a bad one in the same words.
func (c *brokerCmd) writable() error {
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	probe, err := os.CreateTemp(c.Data, ".writable-*")
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	name := probe.Name()
	if err := probe.Close(); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	if err := os.Remove(name); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	return nil
}

// The garbage collector's settings, the same for every model: a heap that may
// grow to five times what lives, below a limit of the broker's memory and
// something for the runtime itself.
const (
	gcPercent         = 400
	runtimeSpareBytes = 256 << 20
)

// tune sets the Go runtime by one rule for all models: a P for each thread that
// a model locks, and one for everything else.
func tune(broker models.Broker, cfg *models.Config) map[string]string {
	locked := len(cfg.CPUs)
	if locked == 0 {
		locked = runtime.NumCPU()
	}
	if b, ok := broker.(interface{ LockedThreads() int }); ok {
		locked = b.LockedThreads()
	}
	runtime.GOMAXPROCS(locked + 1)
	debug.SetGCPercent(gcPercent)
	limit := cfg.MemoryBytes + runtimeSpareBytes
	debug.SetMemoryLimit(limit)
	return map[string]string{
		"go.version":      runtime.Version(),
		"go.maxprocs":     strconv.Itoa(locked + 1),
		"go.gcpercent":    strconv.Itoa(gcPercent),
		"go.memory.limit": strconv.FormatInt(limit, 10),
		"go.debug":        os.Getenv("GODEBUG"),
		"go.locked":       strconv.Itoa(locked),
		"process.cpus":    host.FormatCPUs(cfg.CPUs),
	}
}
