package main

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/report"
)

type figuresCmd struct {
	Dir    string   `arg:"" help:"A result directory."`
	Out    string   `required:"" placeholder:"DIR" help:"Where the figures go; not into the result, whose own stay."`
	Format []string `default:"pdf" enum:"svg,pdf,png,eps,pgf,csv" placeholder:"NAME" help:"svg, pdf, png, eps, pgf (for LaTeX's \\input) or csv, the data; several by commas."`
	Width  string   `default:"text" enum:"text,column" placeholder:"NAME" help:"text, 7 inches, or column, 3.33 inches, in which panels are stacked; letters are as large in both."`
}

// Run draws them.
func (c *figuresCmd) Run(std streams) error {
	if err := isResult(c.Dir); err != nil {
		return err
	}
	if err := outside(c.Dir, c.Out); err != nil {
		return err
	}
	width := figure.Text
	if c.Width == "column" {
		width = figure.Column
	}
	n, err := report.Figures(c.Dir, c.Out, c.Format, width)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%d figures in %s\n", n, c.Out)
	return nil
}
