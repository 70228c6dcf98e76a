package workloads

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml"
)

// Grid is what tuning a thread pool sweeps: every combination is an arm.
type Grid struct {
	Model   string
	Threads []string // values of the factor threads; goroutine goes with network=netpoll
	Network []int    // num.network.threads
	IO      []int    // num.io.threads
}

// Arms is every point of the grid. The first values come first.
func (g Grid) Arms() []Arm {
	var arms []Arm
	for _, threads := range g.Threads {
		for _, network := range g.Network {
			for _, io := range g.IO {
				set := map[string]string{
					"threads": threads, "num.network.threads": strconv.Itoa(network), "num.io.threads": strconv.Itoa(io),
				}
				if threads == "goroutine" {
					set["network"] = "netpoll"
				}
				arms = append(arms, Arm{Name: fmt.Sprintf("%s-%d-%d", threads, network, io), Model: g.Model, Set: set})
			}
		}
	}
	return arms
}

// Tuning is the text of an experiment like e whose arms are the grid's points:
// an experiment of its own, so that it runs, resumes and reports as any does. Of
// workloads only the one of that name is left, "" leaves all; blocks of 0 leaves
// their number. What e says of its arms goes. The error names what is missing.
func (e *Experiment) Tuning(g Grid, workload string, blocks int) ([]byte, error) {
	var doc yaml.MapSlice
	if err := yaml.UnmarshalWithOptions(e.Source, &doc, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("experiment %s: %w", e.Name, err) // not after Parse has read it
	}
	var out yaml.MapSlice
	for _, item := range doc {
		switch item.Key {
		case "name":
			item.Value = e.Name + "-tune"
		case "models":
			var arms []any
			for _, a := range g.Arms() {
				arms = append(arms, yaml.MapSlice{{Key: "name", Value: a.Name}, {Key: "model", Value: a.Model}, {Key: "set", Value: a.Set}})
			}
			item.Value = arms
		case "workloads":
			list, _ := item.Value.([]any)
			item.Value = slices.DeleteFunc(list, func(w any) bool { return workload != "" && !named(w, workload) })
			if len(item.Value.([]any)) == 0 {
				return nil, fmt.Errorf("experiment %s has no workload %q", e.Name, workload)
			}
		case "blocks":
			if blocks > 0 {
				item.Value = blocks
			}
		case "question", "replicate", "claims", "endpoints", "probes":
			continue // of the arms that were
		}
		out = append(out, item)
	}
	return yaml.Marshal(out)
}

// named reports whether a workload of the file has that name.
func named(w any, name string) bool {
	fields, _ := w.(yaml.MapSlice)
	for _, f := range fields {
		if f.Key == "name" {
			return f.Value == name
		}
	}
	return false
}
