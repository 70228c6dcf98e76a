package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
)

// resources: every broker had the same memory and CPUs, and kept the promise that
// its cell is about.
func (s *subject) resources() (string, error) {
	var errs []error
	memory := ""
	for _, c := range s.Cells {
		if c.Error != "" {
			continue
		}
		var said struct {
			Config map[string]string `json:"config"`
		}
		text, err := os.ReadFile(filepath.Join(c.Dir, "broker.json"))
		if err == nil {
			err = json.Unmarshal(text, &said)
		}
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("%03d/%s: "+format, append([]any{c.Block, c.ID}, args...)...))
		}
		if err != nil {
			bad("%v", err)
			continue
		}
		if d := said.Config["durability"]; d != c.Durability {
			bad("its broker acknowledged at %q, not at %q", d, c.Durability)
		}
		m := said.Config["memory.bytes"]
		if memory == "" {
			memory = m
		}
		if m != memory {
			bad("%s bytes of memory, another cell had %s", m, memory)
		}
		if !slices.Equal(c.Affinity.BrokerWanted, s.Manifest.Placement.Broker) || !slices.Equal(c.Affinity.GeneratorWanted, s.Manifest.Placement.Generator) {
			bad("placed on CPUs %v and %v, the run on %v and %v", c.Affinity.BrokerWanted, c.Affinity.GeneratorWanted,
				s.Manifest.Placement.Broker, s.Manifest.Placement.Generator)
		}
	}
	return fmt.Sprintf("durability as recorded, %s bytes of memory and the same CPUs for every broker", memory), errors.Join(errs...)
}

// counts: what a record counts is what its histograms hold.
func (s *subject) counts() (string, error) {
	var errs []error
	var requests int64
	for _, c := range s.Cells {
		if c.Error != "" {
			continue
		}
		l := &c.Load
		requests += l.Intended
		errs = append(errs, settled(c, "", l.Intended, l.Sent, l.Acked, l.Censored, l.Response))
		for i := range l.Classes {
			k := &l.Classes[i]
			errs = append(errs, settled(c, k.Class+"-", k.Intended, k.Sent, k.Acked, k.Censored, k.Response))
		}
	}
	return fmt.Sprintf("%d requests due, each in its histograms once, acknowledged or censored", requests), errors.Join(errs...)
}

// settled holds one class of a cell's requests against its histograms.
func settled(c *result.CellRecord, prefix string, intended, sent, acked, censored int64, recorded load.Quantiles) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%03d/%s: %s"+format, append([]any{c.Block, c.ID, prefix}, args...)...))
	}
	if acked+censored != intended {
		bad("%d requests due, %d acknowledged and %d censored", intended, acked, censored)
	}
	for kind, want := range map[string]int64{"response": intended, "service": sent, "slip": intended} {
		h, err := c.Histogram(prefix+kind, "")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		var n int64
		if h != nil {
			n = h.TotalCount()
		}
		if n != want {
			bad("%s.hlog holds %d values, recorded are %d", kind, n, want)
		}
		if kind == "response" && h != nil && (h.ValueAtQuantile(50) != recorded.P50Ns || h.ValueAtQuantile(99) != recorded.P99Ns) {
			bad("response.hlog has p50 %d and p99 %d ns, the record %d and %d", h.ValueAtQuantile(50), h.ValueAtQuantile(99), recorded.P50Ns, recorded.P99Ns)
		}
	}
	return errors.Join(errs...)
}

// failures: a cell counts if and only if it ran to its end and passed its gates,
// and none that counts lost a record or had a request fail.
func (s *subject) failures() (string, error) {
	var errs []error
	valid := 0
	for _, c := range s.Cells {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("%03d/%s: "+format, append([]any{c.Block, c.ID}, args...)...))
		}
		passed := c.Error == ""
		for _, g := range c.Gates {
			passed = passed && (g.OK || g.Advisory)
		}
		if passed != c.Valid {
			bad("marked valid: %v, its gates say %v", c.Valid, passed)
		}
		if !c.Valid {
			continue
		}
		valid++
		k := &c.Load.Consumer
		if n := k.Lost + k.Duplicated + k.Reordered + k.Corrupt; n > 0 {
			bad("counts, with %d records lost, doubled, out of order or damaged", n)
		}
		failed := c.Load.Failed
		for i := range c.Load.Classes {
			failed += c.Load.Classes[i].Failed
		}
		if failed > 0 {
			bad("counts, with %d requests failed", failed)
		}
	}
	return fmt.Sprintf("%d of %d cells count, as their gates say, without a lost record or a failed request", valid, len(s.Cells)), errors.Join(errs...)
}

// certificate: the load generator was shown to be good enough on this machine.
func (s *subject) certificate() (string, error) {
	c, err := s.Certificate()
	switch {
	case err != nil:
		return "", err
	case c == nil:
		return "", errors.New("none: run with --certify")
	case c.Driver(s.e.Driver) == nil:
		return "", fmt.Errorf("not about driver %s", s.e.Driver)
	case !c.Valid:
		return "", fmt.Errorf("checks failed: %v", c.Failed())
	}
	return "the load generator passed every check", nil
}
