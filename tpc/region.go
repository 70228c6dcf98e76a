package tpc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/models/arena"
)

// newArena maps a shard's memory as the settings ask, on the NUMA node of its
// processor, and records what the kernel made of it.
func (b *Broker) newArena(cpu int, bytes int64) (*arena.Arena, error) {
	o := arena.Options{Bytes: bytes, Lock: b.cfg.Int("memory.lock") != 0}
	o.Pages = []arena.Pages{arena.SmallPages, arena.TransparentPages, arena.HugePages}[b.cfg.Int("memory.huge.pages")]
	where := ""
	switch nodes := numaNodes("/sys/devices/system"); {
	case nodes < 2:
		where = "one node"
	case cpu < 0:
		where = fmt.Sprintf("%d nodes, not bound: the shard is not pinned", nodes)
	default:
		if o.Node = nodeOf("/sys/devices/system", cpu); o.Node < 0 {
			where = fmt.Sprintf("%d nodes, not bound: that of CPU %d is unknown", nodes, cpu)
		} else {
			o.Bind = true
		}
	}
	mem, err := arena.New(o)
	if err != nil {
		return nil, err
	}
	if where != "" {
		b.setFact("memory.numa", where)
	}
	for k, v := range mem.Facts() {
		b.setFact("memory."+k, v)
	}
	return mem, nil
}

// numaNodes counts the nodes that have memory; 0 when nobody says.
func numaNodes(sys string) int {
	dirs, _ := filepath.Glob(filepath.Join(sys, "node", "node[0-9]*"))
	return len(dirs)
}

// nodeOf is the node of a processor, -1 when nobody says.
func nodeOf(sys string, cpu int) int {
	entries, err := os.ReadDir(filepath.Join(sys, "cpu", "cpu"+strconv.Itoa(cpu)))
	if err != nil {
		return -1
	}
	for _, e := range entries {
		if s, ok := strings.CutPrefix(e.Name(), "node"); ok {
			if n, err := strconv.Atoi(s); err == nil {
				return n
			}
		}
	}
	return -1
}
