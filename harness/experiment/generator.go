package experiment

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

// Events that the generator prints while it runs.
const (
	measureStart = "measure-start"
	measureEnd   = "measure-end"
)

// The generator may take this long beside its own windows: creating topics,
// draining what is in flight, letting consumers catch up.
const generatorSpare = 60 * time.Second

// spare is generatorSpare and what many partitions add to it.
func spare(c *cell) time.Duration {
	return generatorSpare + time.Duration(c.spec.Workload.Topics*c.spec.Workload.Partitions)*20*time.Millisecond
}

// generator is a running load process.
type generator struct {
	*process
	log     *os.File
	summary chan *load.Summary // one value when its output has ended; nil: none was printed
}

// startGenerator starts a cell's load. on is called with the events in order,
// from another goroutine.
func (r *runner) startGenerator(c *cell, dir, addr string, on func(event string)) (*generator, error) {
	options := load.Options{
		Addr: addr, W: c.spec.Workload, Seed: loadSeed(r.e, c), RatePerSec: c.LoadPerSec,
		Warmup: r.e.Warmup, Measure: r.e.Measure, Driver: r.e.Driver, Topic: "ceteris", OutDir: dir,
	}
	if r.pinned {
		options.CPUs = r.placement.Generator
	}
	spec := filepath.Join(dir, "load.json")
	if err := result.WriteJSON(spec, options); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "load.log"))
	if err != nil {
		return nil, err
	}
	p, err := start("load generator", r.o.Binary, []string{"load", "--spec", spec, "--out", dir}, r.o.Env, options.CPUs, log)
	if err != nil {
		log.Close()
		return nil, err
	}
	g := &generator{process: p, log: log, summary: make(chan *load.Summary, 1)}
	go func() { g.summary <- readLoad(bufio.NewReader(p.out), on) }()
	return g, nil
}

// readLoad reads the generator's lines: events, then the summary.
func readLoad(in *bufio.Reader, on func(event string)) *load.Summary {
	var summary *load.Summary
	for {
		line, err := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var e struct {
				Event string `json:"event"`
			}
			if json.Unmarshal(line, &e) == nil && e.Event != "" {
				on(e.Event)
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

// finish waits for the generator's end and returns its summary.
func (g *generator) finish(ctx context.Context, limit time.Duration) (*load.Summary, error) {
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
		err = errors.Join(ctx.Err(), g.stop(stopLimit))
		<-g.summary // the reader touches the record until its pipe is closed
	}
	if err != nil {
		if said := lastLine(g.log.Name()); said != "" && !errors.Is(err, context.Canceled) {
			return nil, errors.New(said)
		}
		return nil, err
	}
	if summary == nil {
		return nil, fmt.Errorf("the load generator printed no summary")
	}
	return summary, nil
}
