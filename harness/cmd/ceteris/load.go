package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/ceteris/ceteris/harness/load"
)

type loadCmd struct {
	Spec string `required:"" placeholder:"FILE" help:"load.Options as JSON."`
	Out  string `required:"" placeholder:"DIR" help:"Where the histograms go."`
}

// Run offers one load. Standard output carries event lines and then the summary,
// each one line of JSON. The load ends early when standard input does.
func (c *loadCmd) Run(ctx context.Context, std streams) error {
	text, err := os.ReadFile(c.Spec)
	if err != nil {
		return usage("--spec: %v", err)
	}
	var o load.Options
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return usage("--spec: %s: %v", c.Spec, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, std.in)
		cancel()
	}()
	var mu sync.Mutex
	enc := json.NewEncoder(std.out)
	o.OutDir = c.Out
	o.OnEvent = func(event string, monoNs int64) {
		mu.Lock()
		defer mu.Unlock()
		_ = enc.Encode(map[string]any{"event": event, "mono_ns": monoNs}) // a reader that is gone is seen at the summary
	}
	summary, err := load.Run(ctx, o)
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	if err := enc.Encode(summary); err != nil {
		return fmt.Errorf("printing the summary: %w", err)
	}
	return nil
}
