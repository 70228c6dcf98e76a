package tpc

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ceteris/ceteris/models/cluster"
)

// placementRoutes lets a user see and change where partitions are.
//
//	GET  /placement                             every partition, its shard and its load
//	POST /move?topic=NAME&partition=N&shard=N   one live move
//	POST /rebalance?by=counts|load              the moves that a strategy would make
func (b *Broker) placementRoutes() {
	b.registry.Handle("GET /placement", http.HandlerFunc(b.showPlacement))
	b.registry.Handle("POST /move", http.HandlerFunc(b.askMove))
	b.registry.Handle("POST /rebalance", http.HandlerFunc(b.askRebalance))
}

// showPlacement prints the table. Loads are those of the balancer, or of the
// time since the last look when none runs.
func (b *Broker) showPlacement(w http.ResponseWriter, _ *http.Request) {
	b.balance.mu.Lock()
	defer b.balance.mu.Unlock()
	if b.cfg.Factors.Balance != "load" {
		if err := b.observe(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out := bufio.NewWriter(w)
	im := b.image.Load()
	counts, milli := make([]int, len(b.shards)), make([]float64, len(b.shards))
	type row struct {
		t     *cluster.Topic
		index int
		cpu   float64
		bytes float64
	}
	var rows []row
	for _, t := range im.Topics() {
		for i := range t.Parts {
			l, _ := b.balance.b.Load(partKey{t.ID, int32(i)})
			counts[t.Parts[i].Owner]++
			milli[t.Parts[i].Owner] += l.MilliCPU
			rows = append(rows, row{t, i, l.MilliCPU, l.BytesPerSec})
		}
	}
	fmt.Fprintf(out, "%-6s %10s %10s   balance=%s\n", "shard", "partitions", "milli-cpu", b.cfg.Factors.Balance)
	for i := range counts {
		fmt.Fprintf(out, "%-6d %10d %10.1f\n", i, counts[i], milli[i])
	}
	fmt.Fprintf(out, "\n%-6s %10s %12s %s\n", "shard", "milli-cpu", "bytes/s", "partition")
	for _, r := range rows {
		fmt.Fprintf(out, "%-6d %10.1f %12.0f %s-%d\n", r.t.Parts[r.index].Owner, r.cpu, r.bytes, r.t.Name, r.index)
	}
	_ = out.Flush() // the client that went away is not our error
}

func (b *Broker) askMove(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name := range q {
		if name != "topic" && name != "partition" && name != "shard" {
			http.Error(w, fmt.Sprintf("no parameter %q; give topic, partition and shard", name), http.StatusBadRequest)
			return
		}
	}
	m := cluster.Move{Topic: q.Get("topic")}
	if m.Topic == "" {
		http.Error(w, "topic is missing", http.StatusBadRequest)
		return
	}
	for _, p := range []struct {
		name string
		to   *int32
	}{{"partition", &m.Index}, {"shard", &m.To}} {
		n, err := strconv.ParseInt(q.Get(p.name), 10, 32)
		if err != nil || n < 0 {
			http.Error(w, fmt.Sprintf("%s: %q is not a number", p.name, q.Get(p.name)), http.StatusBadRequest)
			return
		}
		*p.to = int32(n)
	}
	if err := b.Move(m)[0]; err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	fmt.Fprintf(w, "%s-%d is on shard %d\n", m.Topic, m.Index, m.To)
}

func (b *Broker) askRebalance(w http.ResponseWriter, r *http.Request) {
	by := r.URL.Query().Get("by")
	if by == "" {
		if by = b.cfg.Factors.Balance; by == "none" {
			by = "counts"
		}
	}
	if by != "counts" && by != "load" {
		http.Error(w, fmt.Sprintf("by: %q is neither counts nor load", by), http.StatusBadRequest)
		return
	}
	made, err := b.rebalance(by, true)
	if err != nil {
		http.Error(w, fmt.Sprintf("%d partitions moved, then: %v", made, err), http.StatusConflict)
		return
	}
	fmt.Fprintf(w, "%d partitions moved\n", made)
}
