package tpc

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// TestDropIsBegunOnce: when a hold ends, a deletion that had begun before it gets
// no second turn, and one that had not gets its first.
func TestDropIsBegunOnce(t *testing.T) {
	mem, err := arena.New(arena.Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r, err := reactor.New(reactor.Options{Arena: mem, Sim: reactor.NewSim(rand.New(rand.NewPCG(1, 1)))})
	if err != nil {
		t.Fatal(err)
	}
	p := &ownedPartition{s: &shard{r: r}}
	begun, waiting := &dropJob{p: p, begun: true}, &dropJob{p: p}
	for _, d := range []*dropJob{begun, waiting} {
		d.timer.H = d
		p.drops = append(p.drops, d)
	}
	p.dropAgain()
	if r.Cancel(&begun.timer) {
		t.Error("a deletion that is under way is begun again")
	}
	if !r.Cancel(&waiting.timer) {
		t.Error("a deletion that waited for the hold's end is forgotten")
	}
}

// TestNothingIsReadOfWhatIsGone has a reader whose extent was cut find no window
// free until its segment has gone, and the file with it: it is answered with what it
// has, and nothing is read ahead of it, for the descriptor may be another's by now.
func TestNothingIsReadOfWhatIsGone(t *testing.T) {
	b := launch(t, shards(configure(t, t.TempDir(), "log.segment.delete.delay.ms", "0"), 1))
	r, rng := dial(t, b), seeded(t)
	topicWith(t, r, "t", 1, "segment.bytes", "100000", "retention.bytes", "100000")
	for range 5 {
		if _, code, err := r.produce("t", 0, randomBatch(rng, 60_000)); code != 0 || err != nil {
			t.Fatal(code, err)
		}
	}
	until(t, b, 0, "everything on the device", func(s *shard) bool { return onlyPart(s).app.drained() })
	var seg *log.Segment
	until(t, b, 0, "the segment has gone", func(s *shard) bool {
		p := onlyPart(s)
		if seg == nil {
			seg = p.Log.Segments()[0]
			for ok := true; ok; {
				_, ok = s.evictOne() // nothing of it is in memory
			}
		}
		s.retain(p)
		return !slices.Contains(p.Log.Segments(), seg) && len(p.drops) == 0
	})
	if err := b.on(b.shards[0], func(s *shard) error {
		p, leg := onlyPart(s), &fetchLeg{req: &request{}, parts: []int32{0}}
		leg.req.fetch.Parts = []api.FetchPart{{Extent: log.Extent{Seg: seg, Len: 50_000, First: 100}}}
		leg.cold.p, leg.cold.taken = p, 10_000
		p.windows.vacant(true) // there are windows, as there are behind a reader that waited for one
		s.takeMore(leg, p, &leg.req.fetch.Parts[0])
		if leg.bytes != 10_000 {
			t.Errorf("the reader has %d bytes, want the 10000 that it had", leg.bytes)
		}
		if p.windows.loading() {
			t.Error("a file that was closed is read ahead")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	stop(t, b)
}
