package tpc

import (
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/staging"
)

// TestStagingOutlivesTheProcess lets no segment be made: batches are
// acknowledged and read all the same, and a copy of the directory as it is then,
// which is what kill -9 leaves, has them all. At durability=power nobody is
// answered before the device has it.
func TestStagingOutlivesTheProcess(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	set := []string{"staging", "shared", "log.segment.bytes", "65536"}
	b := configure(t, dir, set...)
	fs := newFaults(t, b)
	launch(t, b)
	r := dial(t, b)
	topicWith(t, r, "t", 2)
	var acked shadow
	for i := range 20 {
		acked.mustAdd(t, r, "t", int32(i%2), randomBatch(rng, 5000))
	}
	gate := make(chan int)
	fs.hold.Store(&gate)
	for i := range 80 {
		acked.mustAdd(t, r, "t", int32(i%2), randomBatch(rng, 5000))
	}
	for part := range int32(2) {
		until(t, b, ownerOf(b, "t", part), "everything but the segment without a file is written", func(s *shard) bool {
			a := &onlyPart(s).app
			return a.files[0].file == nil && len(a.sealing) == 0 && !a.busy && onlyPart(s).jobs == len(a.files)
		})
	}
	acked.verify(t, b, "t", 1<<20)
	twin := t.TempDir()
	if err := os.CopyFS(twin, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	fs.hold.Store(nil)
	close(gate)
	stop(t, b)
	checkLogs(t, b)
	if names, err := os.ReadDir(staging.Dir(dir)); err != nil || len(names) > 0 {
		t.Errorf("after a clean stop: %v %v", names, err)
	}

	b = start(t, twin, "log.segment.bytes", "65536")
	if r := b.control.Staged; r.Batches == 0 || r.Unknown > 0 {
		t.Errorf("the test tested nothing: %s", r)
	}
	acked.verify(t, b, "t", 1<<20)
	stop(t, b)
	checkLogs(t, b)

	b = configure(t, dir, append(set, "durability", "power")...)
	fs = newFaults(t, b)
	launch(t, b)
	gate = make(chan int)
	fs.hold.Store(&gate)
	r = dial(t, b)
	req := produceRequest("t", 0, -1, randomBatch(rng, 60_000)) // it rolls
	r.write(r.frame(req))
	until(t, b, ownerOf(b, "t", 0), "the producer waits", func(s *shard) bool {
		p := onlyPart(s)
		return p.produceHead != nil && p.HighWatermark().Offset < p.Log.EndOffset()
	})
	close(gate)
	if _, err := r.read(req, r.corr); err != nil {
		t.Error(err)
	}
	stop(t, b)
}

// TestStagingFull lets nothing reach the device until no place is left in the
// staging file. Producers wait then, as they would without one; nobody is
// refused while the arena has room, and all get their answers.
func TestStagingFull(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	set := []string{"staging", "shared", "log.segment.bytes", "65536"}
	b := small(configure(t, dir, set...))
	fs := newFaults(t, b)
	launch(t, b)
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	var acked shadow
	acked.mustAdd(t, r, "t", 0, randomBatch(rng, 40<<10))
	gate := make(chan int)
	fs.hold.Store(&gate)
	batches := make([][]byte, 300) // each in a segment of its own, so in a chunk of its own
	for i := range batches {
		batches[i] = randomBatch(rng, 40<<10)
	}
	go func() {
		for i := range batches {
			if _, err := r.c.Write(r.frame(produceRequest("t", 0, -1, batches[i]))); err != nil {
				return
			}
		}
	}()
	opened := false
	for i := range batches {
		if i == 60 {
			owner := ownerOf(b, "t", 0)
			until(t, b, owner, "somebody waits", func(s *shard) bool { return onlyPart(s).produceHead != nil })
			fs.hold.Store(nil)
			close(gate)
			opened = true
		}
		resp, err := r.read(produceRequest("t", 0, -1, nil), int32(i+3))
		if err != nil {
			t.Fatalf("batch %d, the device lets through: %v: %v", i, opened, err)
		}
		p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			t.Fatalf("batch %d: code %d", i, p.ErrorCode)
		}
		acked.note(0, p.BaseOffset, batches[i])
	}
	acked.verify(t, b, "t", 1<<20)
	stop(t, b)
	checkLogs(t, b)
	b = start(t, dir)
	acked.verify(t, b, "t", 1<<20)
	stop(t, b)
}

// TestStagingNotADirectory has a file where the directory should be.
func TestStagingNotADirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(staging.Dir(dir), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := configure(t, dir, "staging", "shared").Start(); err == nil {
		t.Error("started")
	}
}

// TestStagingMoves moves a partition back and forth. What is appended afterwards
// lies in the new owner's file, and the old one's has nothing of it.
func TestStagingMoves(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	b := start(t, dir, "staging", "shared")
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	var acked shadow
	for range 4 {
		for range 10 {
			acked.mustAdd(t, r, "t", 0, randomBatch(rng, 3000))
		}
		to := 1 - int32(ownerOf(b, "t", 0))
		mustMove(t, b, cluster.Move{Topic: "t", Index: 0, To: to})
		entry := acked.end(0) // what lies before is on the device
		acked.mustAdd(t, r, "t", 0, randomBatch(rng, 3000))
		for shard := range 2 {
			file, err := os.ReadFile(staging.Path(dir, shard))
			if err != nil {
				t.Fatal(err)
			}
			l, _, err := staging.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			live, begin := 0, int64(-1)
			for slot := range l.Slots {
				if s, ok := staging.ParseSlot(l.Header(file, slot), l.ChunkBytes); ok {
					if live++; begin < 0 || s.EntryOffset < begin {
						begin = s.EntryOffset
					}
				}
			}
			if shard != int(to) && live != 0 {
				t.Errorf("moved to shard %d: shard %d has %d live chunks, want none", to, shard, live)
			}
			if shard == int(to) && begin != entry {
				t.Errorf("moved to shard %d: %d live chunks that begin at offset %d, want %d", to, live, begin, entry)
			}
		}
	}
	acked.verify(t, b, "t", 1<<20)
	stop(t, b)
	checkLogs(t, b)
}
