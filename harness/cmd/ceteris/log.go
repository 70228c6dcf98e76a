package main

import (
	"fmt"

	"github.com/ceteris/ceteris/models/log/check"
)

type logCmd struct {
	Path string `arg:"" help:"A data directory, a partition's directory or a segment file."`
}

// Run checks what is stored and fails when something is wrong with it.
func (c *logCmd) Run(std streams) error {
	problems, err := check.Check(c.Path, std.out)
	if err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("%s: %d problems", c.Path, problems)
	}
	return nil
}
