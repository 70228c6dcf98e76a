package main

import (
	"fmt"
	"io"
)

type logCmd struct {
	Path string `arg:"" help:"A data directory, a partition's directory or a segment file."`
}

var checkLog func(path string, w io.Writer) (problems int, err error)

// Run checks what is stored and fails when something is wrong with it.
func (c *logCmd) Run(std streams) error {
	problems, err := checkLog(c.Path, std.out)
	if err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("%s: %d problems", c.Path, problems)
	}
	return nil
}
