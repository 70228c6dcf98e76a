package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/ceteris/ceteris/workloads"
)

type explainCmd struct {
	Key    string `arg:"" optional:"" help:"A key such as warmup, workloads.*.size, spin or log.segment.bytes; without one, all of them."`
	Schema bool   `help:"Print the JSON Schema of an experiment file."`
}

// Run prints what is known of a key: the table that experiment files are read by.
func (c *explainCmd) Run(std streams) error {
	switch {
	case c.Schema && c.Key != "":
		return usage("--schema describes the whole file: give no key beside it")
	case c.Schema:
		_, err := std.out.Write(workloads.Schema())
		return err
	case c.Key == "":
		tree(std.out)
		return nil
	}
	found := workloads.Find(c.Key)
	if found == nil {
		near := workloads.Nearest(c.Key)
		if near == nil {
			return usage("no key %q; without a key, all are listed", c.Key)
		}
		return usage("no key %q; the nearest are %s", c.Key, strings.Join(near, ", "))
	}
	for i, k := range found {
		if i > 0 {
			fmt.Fprintln(std.out)
		}
		explain(std.out, k)
	}
	return nil
}

// tree lists every key under the one that holds it.
func tree(w io.Writer) {
	fmt.Fprintln(w, "Keys of an experiment file, - for each item of a list, ! for what is needed. ceteris explain KEY says more.")
	fmt.Fprintln(w)
	depth := map[string]int{}
	for _, k := range workloads.Keys() {
		parent := strings.TrimSuffix(strings.TrimSuffix(k.Path, k.Last), ".")
		list := strings.HasSuffix(parent, ".*")
		parent = strings.TrimSuffix(parent, ".*")
		indent := 0
		if parent != "" {
			indent = depth[parent] + 1
		}
		depth[k.Path] = indent
		name := strings.Repeat("  ", indent) + k.Last
		if list {
			name = strings.Repeat("  ", indent) + "- " + k.Last
		}
		if k.Needed {
			name += " !"
		}
		fmt.Fprintf(w, "%-46s %s%s\n", name, k.Takes(), defaults(&k, ", default "))
	}
}

// defaults is what absence means, with words before it; "" where only the
// documentation can say.
func defaults(k *workloads.Key, before string) string {
	switch {
	case k.Presets != nil:
		var by []string
		alike := true
		for _, p := range k.Presets {
			by = append(by, p[1]+" ("+p[0]+")")
			alike = alike && p[1] == k.Presets[0][1]
		}
		if alike {
			return before + k.Presets[0][1]
		}
		return before + strings.Join(by, ", ")
	case k.Default != "" && k.Count == workloads.List:
		return before + "[" + k.Default + "]"
	case k.Default != "":
		return before + k.Default
	}
	return ""
}

// explain prints everything about one key.
func explain(w io.Writer, k *workloads.Key) {
	fmt.Fprintf(w, "%s\n  %s\n\n", k.Path, k.Doc)
	line := func(what, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %-8s %s\n", what, text)
		}
	}
	line("takes", k.Takes())
	switch {
	case k.With != "":
		line("needed", "with "+k.With+", and not allowed otherwise")
	case k.Needed:
		line("needed", "yes")
	default:
		line("default", defaults(k, ""))
	}
	line("see", strings.Join(k.See, ", "))
	var under []string
	for _, c := range k.Children() {
		under = append(under, c.Last)
	}
	line("keys", strings.Join(under, ", "))
}
