package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/ceteris/ceteris/harness/schema"
)

type schemaCmd struct {
	Name string `arg:"" optional:"" help:"One of those that are listed without a name, such as cell."`
}

// Run prints the JSON Schema of a file of a result, or which there are.
func (c *schemaCmd) Run(std streams) error {
	if c.Name == "" {
		w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		for _, d := range schema.Documents {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.Name, d.Version, d.File, d.Doc)
		}
		return w.Flush()
	}
	text, err := schema.Of(c.Name)
	if err != nil {
		return usageError{err}
	}
	_, err = std.out.Write(text)
	return err
}
