package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/harness/load"
)

type requestsCmd struct {
	Cell string `arg:"" help:"The directory of a cell, below a result's blocks/."`
}

// Run prints a cell's log of requests as comma-separated values.
func (c *requestsCmd) Run(std streams) error {
	path := filepath.Join(c.Cell, load.RequestsFile)
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return usage("%s has no log of requests: its workload did not ask for one with request_log", c.Cell)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		_, err = io.Copy(std.out, z)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
