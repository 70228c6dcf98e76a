package modeltest

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models"
)

// stopLimit is how long a broker may take to stop in a test.
const stopLimit = 30 * time.Second

// MemoryBytes is what every broker of the suite gets.
const MemoryBytes = 128 << 20

// Point is a model at one point of the factor space.
type Point struct {
	Model  string
	Shards int      // of a model that has shards; none is bound to a processor
	Set    []string // names and values in turn
}

func (p Point) String() string {
	s := p.Model
	if p.Shards > 0 {
		s += fmt.Sprintf("-%d", p.Shards)
	}
	for i := 1; i < len(p.Set); i += 2 {
		s += "-" + p.Set[i]
	}
	return s
}

// direct reports whether each shard is a broker of its own to clients.
func (p Point) direct() bool {
	for i := 0; i+1 < len(p.Set); i += 2 {
		if p.Set[i] == "routing" {
			return p.Set[i+1] == "direct"
		}
	}
	return false
}

// With is the point with more settings.
func (p Point) With(set ...string) Point {
	p.Set = append(append([]string(nil), p.Set...), set...)
	return p
}

// Config is what the point's broker is told.
func (p Point) Config(dir, listen string) (models.Model, models.Config, error) {
	m, err := models.Lookup(p.Model)
	if err != nil {
		return m, models.Config{}, err
	}
	cfg := models.DefaultConfig(m)
	cfg.Listen, cfg.DataDir, cfg.MemoryBytes = listen, dir, MemoryBytes
	for range p.Shards {
		cfg.CPUs = append(cfg.CPUs, -1)
	}
	for i := 0; i+1 < len(p.Set); i += 2 {
		if err := cfg.Set(p.Set[i], p.Set[i+1]); err != nil {
			return m, cfg, err
		}
	}
	return m, cfg, nil
}

// New makes the point's broker.
func (p Point) New(dir, listen string) (models.Broker, error) {
	m, cfg, err := p.Config(dir, listen)
	if err != nil {
		return nil, err
	}
	return m.New(cfg)
}

// Start serves dir until the returned function, which fails the test unless
// the broker stops cleanly.
func (p Point) Start(t testing.TB, dir, listen string) (b models.Broker, stop func()) {
	t.Helper()
	b, err := p.New(dir, listen)
	if err == nil {
		err = b.Start()
	}
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := b.Stop(ctx); err != nil {
			t.Errorf("%s: stop: %v", p, err)
		}
		select {
		case err := <-b.Fatal():
			t.Errorf("%s: stopped on its own: %v", p, err)
		default:
		}
	}
	t.Cleanup(stop)
	return b, stop
}

// FreeAddr is an address that nobody listens on now, for brokers that have to
// have the same one in turn. Its port lies below the range from which the kernel
// serves those who do not care (32768 upwards), or another process could be
// given it between two brokers. The next three are free too, for brokers with a
// port for every shard.
func FreeAddr(t testing.TB) string {
	t.Helper()
	const first, count, perAddr = 20000, 12000, 4
	start := os.Getpid() * 37
	for i := range count {
		port := first + (start+i*perAddr)%count
		if portsFree(port, perAddr) {
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatalf("no port between %d and %d is free", first, first+count)
	return ""
}

func portsFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		defer l.Close()
	}
	return true
}

// indent sets a block of text off in a failure.
func indent(s string) string {
	return "\t" + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n\t")
}
