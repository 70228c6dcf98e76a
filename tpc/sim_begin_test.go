package tpc

import "github.com/ceteris/ceteris/models/cluster"

// worldAction is something that nobody's request asks for.
type worldAction struct {
	name   string
	weight int
	do     func(w *world) bool // false: it could not, after all
}

// worldActions is what happens to a broker besides its clients' requests. What is
// new gets a line here.
var worldActions = []worldAction{
	{"move", 5, (*world).movePartitions},
	{"checkpoint", 2, (*world).checkpoint},
	{"pause", 3, (*world).standStill},
}

// begin starts one of them.
func (w *world) begin() {
	sum := 0
	for _, a := range worldActions {
		sum += a.weight
	}
	n := w.rng.IntN(sum)
	for _, a := range worldActions {
		if n -= a.weight; n < 0 {
			if a.do(w) {
				w.note("%s", a.name)
				w.cover.hit(a.name)
			}
			return
		}
	}
}

// movePartitions moves a few partitions between shards, live.
func (w *world) movePartitions() bool {
	topics := w.model.usable()
	if len(topics) == 0 || len(w.b.shards) < 2 {
		return false
	}
	var all []cluster.Move
	for range 1 + w.rng.IntN(3) {
		t := topics[w.rng.IntN(len(topics))]
		all = append(all, cluster.Move{Topic: t.name, Index: w.rng.Int32N(t.parts), To: w.rng.Int32N(int32(len(w.b.shards)))})
	}
	w.spawn("move", true, func() {
		for i, err := range w.b.Move(all...) {
			w.note("move of %v: %v", all[i], err)
			if err == nil {
				w.cover.hit("partition moved")
			} else {
				w.cover.hit("move refused")
			}
		}
	})
	return true
}

// standStill is a machine on which nothing runs for a while: what has its time is
// late.
func (w *world) standStill() bool {
	w.k.NowNs += 100e6 + w.rng.Int64N(600e6)
	return true
}

// checkpoint writes recovery points, as a broker does now and then.
func (w *world) checkpoint() bool {
	w.spawn("checkpoint", true, func() {
		if err := w.b.checkpoints.write(w.b.control.Logs().Checkpoint); err != nil {
			w.note("checkpoint: %v", err)
		}
	})
	return true
}
