package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
)

type placementCmd struct {
	Data string `arg:"" placeholder:"DIR" help:"A broker's data directory."`
}

// Run prints the table of partitions and shards as the broker left it. A start
// with another number of shards changes it, moving as few as that allows.
func (c *placementCmd) Run(std streams) error {
	dir := filepath.Join(c.Data, "cluster")
	if _, err := os.Stat(filepath.Join(dir, cluster.ImageFile)); err != nil {
		return usage("%s is no broker's data directory: %v", c.Data, err)
	}
	im, err := cluster.Load(disk.OS, dir)
	if err != nil {
		return err
	}
	counts := []int{}
	for _, t := range im.Topics() {
		for i := range t.Parts {
			for int(t.Parts[i].Owner) >= len(counts) {
				counts = append(counts, 0)
			}
			counts[t.Parts[i].Owner]++
		}
	}
	fmt.Fprintf(std.out, "%-6s %s\n", "shard", "partitions")
	for i, n := range counts {
		fmt.Fprintf(std.out, "%-6d %d\n", i, n)
	}
	fmt.Fprintf(std.out, "\n%-6s %s\n", "shard", "partition")
	for _, t := range im.Topics() {
		for i := range t.Parts {
			fmt.Fprintf(std.out, "%-6d %s-%d\n", t.Parts[i].Owner, t.Name, i)
		}
	}
	return nil
}
