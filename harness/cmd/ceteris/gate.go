package main

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/report"
)

type gateCmd struct {
	Dir   string   `arg:"" help:"A result directory."`
	Limit []string `required:"" sep:"none" placeholder:"LIMIT" help:"What must hold, such as 'tpc/threadpool p99 response produce <= 1.10 at 1k process 8000'; >= too, repeatable."`
}

// Run holds a result against limits and says by its exit code what came out: 0
// every limit is kept, 3 one is broken, 4 none is broken but one is not decided.
func (c *gateCmd) Run(std streams) error {
	if err := isResult(c.Dir); err != nil {
		return err
	}
	var bounds []report.Bound
	for _, text := range c.Limit {
		b, err := report.ParseBound(text)
		if err != nil {
			return usage("--limit %v", err)
		}
		bounds = append(bounds, b)
	}
	ruling, text, err := report.Judge(c.Dir, bounds)
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, text)
	switch ruling {
	case report.Broken:
		return verdict(3)
	case report.Undecided:
		return verdict(4)
	}
	return nil
}
