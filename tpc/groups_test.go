package tpc

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/tpc/reactor"
)

// hold keeps a shard from everything until it is let go; then f runs on it first.
func hold(t testing.TB, b *Broker, id int, f func(*shard)) (letGo func()) {
	t.Helper()
	s, held, release, done := b.shards[id], make(chan struct{}), make(chan struct{}), make(chan struct{})
	if !s.r.Post(reactor.Func(func() {
		close(held)
		<-release
		f(s)
		close(done)
	})) {
		t.Fatalf("shard %d has stopped", id)
	}
	<-held
	return func() { close(release); <-done }
}

// flight waits until shard 0 has n requests of a group at shard 1.
func flight(t testing.TB, b *Broker, g group, n int) {
	t.Helper()
	until(t, b, 0, fmt.Sprintf("%d requests of %s at shard 1", n, groupSpecs[g].Name), func(s *shard) bool {
		return b.groups[g].InFlight(0, 1) == n
	})
}

// places bounds a group of the brokers that the test starts from here on.
func places(t testing.TB, g group, inFlight int) {
	was := groupSpecs[g]
	t.Cleanup(func() { groupSpecs[g] = was })
	groupSpecs[g].InFlight = inFlight
}

// remotePart is a partition of topic t, which has two, that shard 1 owns.
func remotePart(b *Broker) int32 {
	if ownerOf(b, "t", 0) == 1 {
		return 0
	}
	return 1
}

// TestFloodOfFetchesLetsProducePass puts 900 fetch legs into shard 1's mailbox
// and then one produce part. The round that takes them in serves the part, and
// has most of the legs still before it.
func TestFloodOfFetchesLetsProducePass(t *testing.T) {
	for _, carrier := range []string{"spsc", "mpsc"} {
		t.Run(carrier, func(t *testing.T) {
			const flood = 900 // with the part they fit a ring, and so one look at it
			rng := seeded(t)
			b := start(t, t.TempDir(), "inflight", "4096", "mesh", carrier)
			producer, _, consumer := dial(t, b), dial(t, b), dial(t, b) // shards 0, 1, 0
			topicWith(t, producer, "t", 2)
			part := remotePart(b)
			end := int64(0)
			letGo := hold(t, b, 1, func(s *shard) {
				s.Poll()
				p := s.parts[partKey{b.image.Load().Topic([]byte("t")).ID, part}]
				end = p.Log.EndOffset()
				if late, want := len(s.turns.late[groupFetch].items), flood-groupSpecs[groupFetch].turns; late != want {
					t.Errorf("after the round %d legs are left, want %d", late, want)
				}
				s.fence.left = 2
				if s.onFence(); s.fence.left != 2 {
					t.Error("a fence overtook what came before it")
				}
			})
			var frames []byte
			req := fetchRequest("t", forever, 1, 1<<20, want{part, 0, 1 << 20})
			for range flood {
				frames = append(frames, consumer.frame(req)...)
			}
			consumer.write(frames)
			flight(t, b, groupFetch, flood)
			producer.write(producer.frame(produceRequest("t", part, -1, randomBatch(rng, 100))))
			flight(t, b, groupProduce, 1)
			letGo()
			until(t, b, 1, "the fence has passed", func(s *shard) bool { return s.fence.left == 1 })
			if end == 0 {
				t.Error("the produce part waited for the flood")
			}
			for i := range flood {
				if _, err := consumer.read(req, int32(i+1)); err != nil {
					t.Fatalf("fetch %d: %v", i, err)
				}
			}
			stop(t, b)
		})
	}
}

// TestProduceWaitsForAPlace has places for two parts and sends twenty over two
// connections: what finds none waits with its sender, and all are appended.
func TestProduceWaitsForAPlace(t *testing.T) {
	places(t, groupProduce, 2)
	rng := seeded(t)
	b := start(t, t.TempDir())
	r, _, other := dial(t, b), dial(t, b), dial(t, b)
	topicWith(t, r, "t", 2)
	part := remotePart(b)
	letGo := hold(t, b, 1, func(*shard) {})
	req := produceRequest("t", part, -1, nil)
	corr := r.corr
	for range 10 {
		r.write(r.frame(produceRequest("t", part, -1, randomBatch(rng, 300))))
		other.write(other.frame(produceRequest("t", part, -1, randomBatch(rng, 300))))
	}
	until(t, b, 0, "18 parts that wait", func(s *shard) bool { return b.groups[groupProduce].Stats(0, 1).Waited == 18 })
	flight(t, b, groupProduce, 2)
	letGo()
	last := map[*raw]int64{r: -1, other: -1}
	for i := range 10 {
		for c, first := range map[*raw]int32{r: corr, other: 0} {
			resp, err := c.read(req, first+int32(i)+1)
			if err != nil {
				t.Fatal(err)
			}
			p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
			if p.ErrorCode != 0 || p.BaseOffset <= last[c] {
				t.Fatalf("produce %d: code %d at offset %d, after offset %d", i, p.ErrorCode, p.BaseOffset, last[c])
			}
			last[c] = p.BaseOffset
		}
	}
	flight(t, b, groupProduce, 0)
	stop(t, b)
}

// TestFetchWithoutAPlaceIsRefused: its legs wait at their owners as long as the
// consumer asked for, so a place may never come free.
func TestFetchWithoutAPlaceIsRefused(t *testing.T) {
	places(t, groupFetch, 1)
	b := start(t, t.TempDir())
	r, _, other := dial(t, b), dial(t, b), dial(t, b)
	topicWith(t, r, "t", 2)
	req := fetchRequest("t", forever, 1, 1<<20, want{remotePart(b), 0, 1 << 20})
	other.write(other.frame(req))
	flight(t, b, groupFetch, 1)
	got, err := r.fetch(req)
	if err != nil || got[0].ErrorCode != codeExhausted {
		t.Errorf("the second fetch: %v, code %d, want %d", err, got[0].ErrorCode, codeExhausted)
	}
	stop(t, b)
}

// TestColdPartsWait asks for the offsets of more partitions than there are places.
func TestColdPartsWait(t *testing.T) {
	places(t, groupCold, 3)
	b := start(t, t.TempDir())
	r := dial(t, b)
	topicWith(t, r, "t", 12)
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 5, -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = "t"
	for i := range int32(12) {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = i, -1
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := r.ask(req)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
		if p.ErrorCode != 0 || p.Offset != 0 {
			t.Errorf("partition %d: code %d, offset %d", p.Partition, p.ErrorCode, p.Offset)
		}
	}
	if waited := b.groups[groupCold].Stats(0, 1).Waited; waited != 3 {
		t.Errorf("%d parts waited, want 3 of 6", waited)
	}
	stop(t, b)
}

// TestConnectionStaysWithoutAPlace: while shard 1 does not take connections in,
// what cannot be handed over is served where it was accepted.
func TestConnectionStaysWithoutAPlace(t *testing.T) {
	places(t, groupAccept, 1)
	b := start(t, t.TempDir())
	letGo := hold(t, b, 1, func(*shard) {})
	for range 5 {
		dial(t, b)
	}
	until(t, b, 0, "four connections, one handed over", func(s *shard) bool {
		return s.connCount.Load() == 4 && b.shards[1].connCount.Load() == 1
	})
	letGo()
	flight(t, b, groupAccept, 0)
	stop(t, b)
}
