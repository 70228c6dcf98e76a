package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models"
)

type brokerCmd struct {
	Model  string   `required:"" help:"The concurrency model: ${model_names}."`
	Listen string   `default:"127.0.0.1:9092" placeholder:"HOST:PORT" help:"Where clients connect; port 0 lets the kernel choose."`
	Admin  string   `placeholder:"HOST:PORT" help:"Serve /metrics and /stages here."`
	Data   string   `required:"" placeholder:"DIR" help:"The data directory; made when missing."`
	CPUs   string   `name:"cpus" placeholder:"LIST" help:"Run on these CPUs only, such as 0-3,6."`
	Memory string   `placeholder:"SIZE" help:"Buffers and caches, such as 512MiB. Default: a quarter of the machine's memory."`
	Set    []string `placeholder:"K=V" sep:"none" help:"Change a factor or a setting; may be given again."`
	Config string   `placeholder:"FILE" help:"Factors and settings, one key=value a line; --set comes after."`
	NodeID int32    `name:"node-id" default:"1" help:"The broker's id."`

	StopWithStdin bool `hidden:"" help:"Stop when standard input ends: a harness that was killed leaves no broker behind."`
}

// Help lists what --set and --config take, for "ceteris broker --help".
func (c *brokerCmd) Help() string {
	var b strings.Builder
	b.WriteString("Factors:\n")
	for _, f := range models.FactorTable() {
		fmt.Fprintf(&b, "  %-12s %s\n", f.Name, f.Values)
	}
	b.WriteString("\nSettings, with Kafka's names and defaults:\n")
	for _, s := range models.Settings {
		fmt.Fprintf(&b, "  %s=%d\n      %s\n", s.Name, s.Default, s.Doc)
	}
	fmt.Fprintf(&b, "  append=false\n      %s\n", models.AppendDoc)
	return b.String()
}

// minMemoryBytes is the least any model can work with.
const minMemoryBytes = 16 << 20

// config turns the flags into a validated configuration. Every error names the
// flag, or the file and line.
func (c *brokerCmd) config() (models.Model, models.Config, error) {
	model, err := models.Lookup(c.Model)
	if err != nil {
		return model, models.Config{}, usage("--model: %v", err)
	}
	cfg := models.DefaultConfig(model)
	cfg.Listen, cfg.DataDir, cfg.NodeID = c.Listen, c.Data, c.NodeID
	if host, err := checkAddress(c.Listen); err != nil {
		return model, cfg, usage("--listen: %v", err)
	} else if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return model, cfg, usage("--listen %s: clients are told this address, so name one that they can dial", c.Listen)
	}
	if _, err := checkAddress(c.Admin); c.Admin != "" && err != nil {
		return model, cfg, usage("--admin: %v", err)
	}
	if c.Config != "" {
		if err := readConfig(c.Config, &cfg); err != nil {
			return model, cfg, err
		}
	}
	for _, kv := range c.Set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return model, cfg, usage("--set %s: expected name=value", kv)
		}
		if err := cfg.Set(strings.TrimSpace(k), strings.TrimSpace(v)); err != nil {
			return model, cfg, usage("--set %s: %v", kv, err)
		}
	}
	if cfg.CPUs, err = host.ParseCPUs(c.CPUs); err != nil {
		return model, cfg, usage("--cpus: %v", err)
	}
	if online, err := (host.Machine{}).Online(); err == nil && len(online) > 0 && !host.Subset(cfg.CPUs, online) {
		return model, cfg, usage("--cpus %s: this machine has CPUs %s", c.CPUs, host.FormatCPUs(online))
	}
	if err := c.memory(&cfg); err != nil {
		return model, cfg, err
	}
	if err := cfg.Validate(); err != nil {
		return model, cfg, usage("%s", asLine(err))
	}
	return model, cfg, nil
}

// checkAddress refuses what cannot be a HOST:PORT; whether it can be had is for
// the kernel to say.
func checkAddress(s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", err
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("address %s: %q is not a port between 0 and 65535", s, port)
	}
	return host, nil
}

func (c *brokerCmd) memory(cfg *models.Config) error {
	total := host.Machine{}.MemoryBytes()
	if c.Memory == "" {
		cfg.MemoryBytes = total / 4
		return nil
	}
	n, err := parseSize(c.Memory)
	switch {
	case err != nil:
		return usage("--memory %s: %v", c.Memory, err)
	case n < minMemoryBytes:
		return usage("--memory %s is too little: a broker needs at least %s", c.Memory, formatSize(minMemoryBytes))
	case total > 0 && n > total:
		return usage("--memory %s is more than this machine's %s", c.Memory, formatSize(total))
	}
	cfg.MemoryBytes = n
	return nil
}

// readConfig applies a file of key=value lines; # starts a comment.
func readConfig(path string, cfg *models.Config) error {
	f, err := os.Open(path)
	if err != nil {
		return usage("--config: %v", err)
	}
	defer f.Close()
	seen := map[string]int{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if !ok {
			return usage("%s:%d: %q is not key=value", path, n, line)
		}
		if first, twice := seen[k]; twice {
			return usage("%s:%d: %s was set on line %d already", path, n, k, first)
		}
		seen[k] = n
		if err := cfg.Set(k, v); err != nil {
			return usage("%s:%d: %v", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return usage("%s: %v", path, err)
	}
	return nil
}

// sizeUnits are binary, longest suffix first.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// parseSize reads a size such as 512MiB; a bare number is bytes.
func parseSize(s string) (int64, error) {
	number, factor := s, int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			number, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return 0, fmt.Errorf("not a size such as 512MiB")
	}
	return n * factor, nil
}

func formatSize(n int64) string {
	for _, u := range sizeUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// modelNames lists the registered models for help texts.
func modelNames() string {
	names := models.Names()
	sort.Strings(names)
	if len(names) == 0 {
		return "none on this system"
	}
	return strings.Join(names, ", ")
}
