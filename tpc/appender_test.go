package tpc

import (
	"context"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/disk"
)

// onOwner runs f with the only partition of its shard, once no file work is out.
func onOwner(t testing.TB, b *Broker, f func(s *shard, p *ownedPartition)) {
	t.Helper()
	until(t, b, ownerOf(b, "t", 0), "no file work", func(s *shard) bool {
		p := onlyPart(s)
		if p == nil || p.jobs > 0 || p.app.busy {
			return false
		}
		f(s, p)
		return true
	})
}

// TestTailIsZero looks at what goes to the device with the last block: memory
// that was used before must not show behind the end.
func TestTailIsZero(t *testing.T) {
	rng := seeded(t)
	b := launch(t, small(configure(t, t.TempDir())))
	r := dial(t, b)
	topicWith(t, r, "dirt", 2)
	for i := range 60 {
		if _, code, err := r.produce("dirt", int32(i%2), randomBatch(rng, 1<<20-1000)); code != 0 || err != nil {
			t.Fatal(code, err)
		}
	}
	deleteTopic(t, r, "dirt")
	topicWith(t, r, "t", 1)
	for range 30 {
		if _, code, err := r.produce("t", 0, randomBatch(rng, 1+rng.IntN(9000))); code != 0 || err != nil {
			t.Fatal(code, err)
		}
		onOwner(t, b, func(_ *shard, p *ownedPartition) {
			f := p.app.files[0]
			content, err := os.ReadFile(f.seg.Path(p.dir))
			if err != nil {
				t.Error(err)
				return
			}
			for i, c := range content[f.seg.Size():] {
				if c != 0 {
					t.Errorf("byte %d behind the end at %d is %#x, want 0", i, f.seg.Size(), c)
					return
				}
			}
		})
	}
	stop(t, b)
}

// TestLargeWritesNeedNoZeros shows that blocks ahead of a log are zero-filled when
// its writes are small, and only reserved when they are large.
func TestLargeWritesNeedNoZeros(t *testing.T) {
	rng := seeded(t)
	for _, c := range []struct{ size, count int }{{1_000, 60}, {1_000_000, 12}} {
		b := start(t, t.TempDir())
		r := dial(t, b)
		topicWith(t, r, "t", 1)
		var acked shadow
		for range c.count {
			acked.mustAdd(t, r, "t", 0, randomBatch(rng, c.size))
		}
		owner := ownerOf(b, "t", 0)
		until(t, b, owner, "prepared", func(s *shard) bool { return onlyPart(s).jobs == 0 })
		onOwner(t, b, func(s *shard, p *ownedPartition) {
			f, zeroed := p.app.files[0], s.zeroed.Load()
			if f.prewritten <= f.end {
				t.Errorf("batches of %d bytes: nothing is prepared behind %d", c.size, f.end)
			}
			if large := c.size > 500_000; large != (zeroed == 0) {
				t.Errorf("batches of %d bytes: %d bytes were zero-filled", c.size, zeroed)
			}
		})
		acked.verify(t, b, "t", 1<<20)
		stop(t, b)
		checkLogs(t, b)
	}
}

// TestSealWaitsForZeroFill rolls a segment whose zero-fill is under way: it is
// not sealed before that ends, or the file would be longer than its content.
func TestSealWaitsForZeroFill(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir(), "log.segment.bytes", "100000")
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	onOwner(t, b, func(_ *shard, p *ownedPartition) { p.app.files[0].growing = true })
	first := produceRequest("t", 0, -1, randomBatch(rng, 60_000))
	out := r.frame(first)
	out = append(out, r.frame(produceRequest("t", 0, -1, randomBatch(rng, 60_000)))...)
	r.write(out)
	onOwner(t, b, func(*shard, *ownedPartition) {})
	until(t, b, ownerOf(b, "t", 0), "rolled", func(s *shard) bool {
		a := &onlyPart(s).app
		if len(a.sealing) > 0 || a.files[0].seg.Base != 0 {
			t.Error("sealed while its zero-fill was under way")
			return true
		}
		return a.files[0].sealed && a.files[len(a.files)-1].file != nil
	})
	onOwner(t, b, func(_ *shard, p *ownedPartition) {
		f := p.app.files[0]
		f.growing, f.prewritten = false, max(f.prewritten, (f.end+disk.Align-1)&^(disk.Align-1))
		p.app.kick()
	})
	for corr := r.corr - 1; corr <= r.corr; corr++ {
		if _, err := r.read(first, corr); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, b)
	checkLogs(t, b)
}

// TestWindowEndsWhereTheDeviceDoes reads from a file that the device has only
// half of, as far as the appender knows: nothing behind that may be used, and
// nothing of it may be taken for what is written there later.
func TestWindowEndsWhereTheDeviceDoes(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir())
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	var sent shadow
	for range 60 {
		sent.mustAdd(t, r, "t", 0, randomBatch(rng, 10_000))
	}
	half := int64(0)
	onOwner(t, b, func(s *shard, p *ownedPartition) {
		s.giveUp(1 << 40)
		f := p.app.files[0]
		half = f.flushed / 2
		f.flushed = half
	})
	got, err := r.fetch(fetchRequest("t", 0, 1, 1<<20, want{0, 0, 1 << 20}))
	if err != nil || got[0].ErrorCode != 0 {
		t.Fatal(got[0].ErrorCode, err)
	}
	if n := int64(len(got[0].RecordBatches)); n == 0 || n > half {
		t.Errorf("%d bytes, want some, but no more than the device's %d", n, half)
	}
	onOwner(t, b, func(s *shard, p *ownedPartition) {
		f := p.app.files[0]
		f.flushed = f.end
	})
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
}

// TestStopTakesNothingMore stops a broker that has received more requests than
// it has begun: those are not begun any more.
func TestStopTakesNothingMore(t *testing.T) {
	rng := seeded(t)
	b := configure(t, t.TempDir(), "log.segment.bytes", "65536", "inflight", "1")
	fs := newFaults(t, b)
	launch(t, b)
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	gate := make(chan int)
	fs.hold.Store(&gate)
	if _, code, err := r.produce("t", 0, randomBatch(rng, 60_000)); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	var out []byte
	first := r.corr + 1
	for range 5 {
		out = append(out, r.frame(produceRequest("t", 0, -1, randomBatch(rng, 8000)))...)
	}
	r.write(out)
	until(t, b, connectionHome(t, b), "one begun, others received", func(s *shard) bool {
		for c := s.conns; c != nil; c = c.next {
			if c.inflight == 1 && len(c.stash) > 0 {
				return true
			}
		}
		return false
	})
	done := make(chan error)
	go func() { done <- b.Stop(context.Background()) }()
	for i := range b.shards {
		until(t, b, i, "stopping", func(s *shard) bool { return s.stopping })
	}
	close(gate)
	resp, err := r.read(produceRequest("t", 0, -1, nil), first)
	if err != nil || resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode != 0 {
		t.Errorf("the request that was begun: %v", err)
	}
	if _, err := r.read(produceRequest("t", 0, -1, nil), first+1); err == nil {
		t.Error("a request was begun while the broker stopped")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	checkLogs(t, b)
}

// connectionHome is the shard of the only connection.
func connectionHome(t testing.TB, b *Broker) int {
	for i, s := range b.shards {
		if s.connCount.Load() > 0 {
			return i
		}
	}
	t.Fatal("no connection")
	return -1
}
