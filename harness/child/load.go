package child

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
)

// Load is a running load process.
type Load struct {
	*Process
	log     *os.File
	summary chan *load.Summary // one value when its output has ended; nil: none was printed
}

// StartLoad offers a load with the given binary; its specification and log go
// into dir. It keeps hold, which may be nil, open as long as it lives. on is called
// with the events in order and their times of CLOCK_MONOTONIC, from another goroutine;
// it may be nil.
func StartLoad(binary string, env []string, o load.Options, dir string, hold *os.File, on func(event string, monotonicNs int64)) (*Load, error) {
	spec := filepath.Join(dir, "load.json")
	if err := result.WriteJSON(spec, o); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "load.log"))
	if err != nil {
		return nil, err
	}
	p, err := start("load generator", binary, []string{"load", "--spec", spec, "--out", dir}, env, o.CPUs, log, hold)
	if err != nil {
		log.Close()
		return nil, err
	}
	g := &Load{Process: p, log: log, summary: make(chan *load.Summary, 1)}
	go func() { g.summary <- readLoad(bufio.NewReader(p.out), on) }()
	return g, nil
}

// readLoad reads the generator's lines: events, then the summary.
func readLoad(in *bufio.Reader, on func(event string, monotonicNs int64)) *load.Summary {
	var summary *load.Summary
	for {
		line, err := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var e struct {
				Event  string `json:"event"`
				MonoNs int64  `json:"mono_ns"`
			}
			if json.Unmarshal(line, &e) == nil && e.Event != "" {
				if on != nil {
					on(e.Event, e.MonoNs)
				}
			} else {
				s := &load.Summary{}
				if json.Unmarshal(line, s) == nil {
					summary = s
				}
			}
		}
		if err != nil {
			return summary
		}
	}
}

// Finish waits for the generator's end and returns its summary.
func (g *Load) Finish(ctx context.Context, limit time.Duration) (*load.Summary, error) {
	defer g.log.Close()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// The output ends with the process, so it is read before the process is
	// waited for.
	var summary *load.Summary
	var err error
	select {
	case summary = <-g.summary:
		err = g.wait(ctx, stopLimit)
	case <-ctx.Done():
		err = errors.Join(ctx.Err(), g.Stop(stopLimit))
		<-g.summary // the reader touches the record until its pipe is closed
	}
	if err != nil {
		if said := g.LastWords(); said != "" && !errors.Is(err, context.Canceled) {
			return nil, errors.New(said)
		}
		return nil, err
	}
	if summary == nil {
		return nil, fmt.Errorf("the load generator printed no summary")
	}
	return summary, nil
}
