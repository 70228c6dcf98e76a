package tpc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/placement"
)

// owners is the table as a line for each shard.
func owners(b *Broker) (table map[string]int32, counts []int) {
	table, counts = map[string]int32{}, make([]int, len(b.shards))
	for _, t := range b.image.Load().Topics() {
		for i := range t.Parts {
			table[fmt.Sprintf("%s-%d", t.Name, i)] = t.Parts[i].Owner
			counts[t.Parts[i].Owner]++
		}
	}
	return table, counts
}

// The seeds' example: 4 shards, then 8 over the same directory, then 3, more
// than there are cores. Only as many partitions move as must, nothing is lost,
// and a topic that grows leaves the partitions that it has where they are.
func TestOtherShardCounts(t *testing.T) {
	dir := t.TempDir()
	sent, rng := &shadow{}, seeded(t)
	var was map[string]int32
	for run, n := range []int{4, 8, 3} {
		b := launch(t, shards(configure(t, dir), n))
		r := dial(t, b)
		if run == 0 {
			topicWith(t, r, "t", 12)
			was, _ = owners(b)
		}
		now, counts := owners(b)
		moved := 0
		for name, owner := range now {
			if was[name] != owner {
				moved++
			}
		}
		t.Logf("%d shards: %v, %d of %d moved: %v", n, counts, moved, len(now), now)
		if least := []int{0, 4, 11}[run]; moved != least || b.control.Moved() != least {
			t.Errorf("%d partitions moved, the start says %d, want %d", moved, b.control.Moved(), least)
		}
		if slices.Max(counts)-slices.Min(counts) > 1 {
			t.Errorf("%d shards: %v", n, counts)
		}
		if run > 0 {
			sent.verify(t, b, "t", 1<<20)
		}
		for p := range int32(12) {
			sent.mustAdd(t, r, "t", p, randomBatch(rng, 2000))
		}
		if run == 1 {
			growTopic(t, r, "t", 20)
			grown, counts := owners(b)
			for name, owner := range now {
				if grown[name] != owner {
					t.Errorf("%s moved from shard %d to %d when its topic grew", name, owner, grown[name])
				}
			}
			t.Logf("grown to 20: %v", counts)
			if slices.Max(counts)-slices.Min(counts) > 1 {
				t.Errorf("after growth: %v", counts)
			}
			now = grown
			// Of 20 on 8 shards, the 9 on the first three stay there.
		}
		sent.verify(t, b, "t", 1<<20)
		was = now
		_ = r.c.Close()
		stop(t, b)
		checkLogs(t, b)
	}
}

func growTopic(t testing.TB, r *raw, name string, count int32) {
	t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version, req.TimeoutMillis = 1, 5000
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = name, count
	req.Topics = append(req.Topics, topic)
	resp, err := r.ask(req)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.(*kmsg.CreatePartitionsResponse).Topics[0].ErrorCode; code != 0 {
		t.Fatalf("growing %s: code %d", name, code)
	}
}

// Many partitions move there and back, in tasks of their own: one that moves
// does not hold a shard longer than its quota.
func TestManyMove(t *testing.T) {
	const n = 200
	b := launch(t, shards(configure(t, t.TempDir(), "disk", "buffered"), 3))
	r := dial(t, b)
	topicWith(t, r, "t", n)
	before := make([]int64, len(b.shards))
	for i, s := range b.shards {
		before[i] = s.r.Snapshot().QuotaViolations
	}
	began := time.Now()
	for round := range int32(2) {
		all := make([]cluster.Move, n)
		for i := range all {
			all[i] = cluster.Move{Topic: "t", Index: int32(i), To: (int32(i) + round) % 3}
		}
		mustMove(t, b, all...)
	}
	took := time.Since(began)
	for i, s := range b.shards {
		// Other programs take the processor from tasks as well, so this is told and
		// not judged.
		t.Logf("shard %d: %d tasks over quota, %d stalls", i, s.r.Snapshot().QuotaViolations-before[i], b.watch.Counters(i).Stalls)
	}
	t.Logf("%d moves in %v", 2*n, took)
	stop(t, b)
}

// TestClientsOverMoves is what franz-go makes of it: idempotent producers and a
// consumer while everything moves, with each way of routing.
func TestClientsOverMoves(t *testing.T) {
	for _, routing := range []string{"forward", "direct"} {
		t.Run(routing, func(t *testing.T) {
			const n, parts = 3000, 6
			b := launch(t, shards(configure(t, t.TempDir(), "routing", routing), 3))
			topicWith(t, dial(t, b), "t", parts)
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			over := make(chan struct{})
			var movers sync.WaitGroup
			movers.Go(func() {
				for rng := seededWith(7); ; time.Sleep(5 * time.Millisecond) {
					select {
					case <-over:
						return
					default:
					}
					m := cluster.Move{Topic: "t", Index: rng.Int32N(parts), To: rng.Int32N(3)}
					if err := b.Move(m)[0]; err != nil {
						t.Errorf("%+v: %v", m, err)
					}
				}
			})
			cl := client(t, b, kgo.MetadataMinAge(20*time.Millisecond), kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
			var wrote sync.WaitGroup
			for i := range n {
				wrote.Add(1)
				cl.Produce(ctx, &kgo.Record{Value: fmt.Appendf(nil, "%d", i)}, func(_ *kgo.Record, err error) {
					defer wrote.Done()
					if err != nil {
						t.Error(err)
					}
				})
			}
			consumer := client(t, b, kgo.MetadataMinAge(20*time.Millisecond), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			seen := map[string]int{}
			for total := 0; total < n; {
				fs := consumer.PollFetches(ctx)
				if ctx.Err() != nil {
					t.Fatalf("%d of %d records", total, n)
				}
				fs.EachRecord(func(r *kgo.Record) { seen[string(r.Value)]++; total++ })
			}
			wrote.Wait()
			close(over)
			movers.Wait()
			if len(seen) != n {
				t.Errorf("%d different records of %d", len(seen), n)
			}
			stop(t, b)
		})
	}
}

// A move raises the leader epoch where clients learn owners as leaders.
func TestMoveRaisesEpoch(t *testing.T) {
	for routing, want := range map[string]int32{"forward": 0, "direct": 1} {
		b := start(t, t.TempDir(), "routing", routing)
		topicWith(t, dial(t, b), "t", 1)
		from := ownerOf(b, "t", 0)
		mustMove(t, b, cluster.Move{Topic: "t", Index: 0, To: int32(1 - from)})
		if got := b.image.Load().Topic([]byte("t")).Parts[0].LeaderEpoch; got != want {
			t.Errorf("routing=%s: leader epoch %d, want %d", routing, got, want)
		}
		until(t, b, 1-from, "the owner knows", func(s *shard) bool { return onlyPart(s).LeaderEpoch == want })
		stop(t, b)
	}
}

// The admin port shows the table, moves, and says what is wrong with a question.
func TestAdminMoves(t *testing.T) {
	b := start(t, t.TempDir())
	addr, end, err := telemetry.ServeAdmin("127.0.0.1:0", b.Telemetry())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	topicWith(t, dial(t, b), "t", 4)
	ask := func(method, path string) (int, string) {
		t.Helper()
		req, _ := http.NewRequest(method, "http://"+addr+path, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/placement", 200, "t-3"},
		{"POST", "/move?topic=t&partition=0&shard=1", 200, "t-0 is on shard 1"},
		{"POST", "/move?topic=t&partition=1&shard=1", 200, "t-1 is on shard 1"},
		{"POST", "/move?topic=t&partition=2&shard=1", 200, "t-2 is on shard 1"},
		{"POST", "/move?topic=t&partition=3&shard=1", 200, "t-3 is on shard 1"},
		{"GET", "/placement", 200, "1               4"},
		{"POST", "/rebalance?by=load", 200, "0 partitions moved"},
		{"POST", "/rebalance", 200, "2 partitions moved"},
		{"POST", "/rebalance?by=luck", 400, `"luck" is neither counts nor load`},
		{"POST", "/move?topic=u&partition=0&shard=1", 409, `no topic is named "u"`},
		{"POST", "/move?topic=t&partition=9&shard=1", 409, "4 partitions, none is 9"},
		{"POST", "/move?topic=t&partition=0&shard=2", 409, "2 shards, none is 2"},
		{"POST", "/move?topic=t&partition=x&shard=2", 400, `partition: "x" is not a number`},
		{"POST", "/move?topic=t&partition=0", 400, `shard: "" is not a number`},
		{"POST", "/move?partition=0&shard=0", 400, "topic is missing"},
		{"POST", "/move?topic=t&partition=0&shrad=1", 400, `no parameter "shrad"`},
		{"GET", "/move?topic=t&partition=0&shard=1", 405, ""},
	} {
		if status, body := ask(c.method, c.path); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %q, want %d with %q", c.method, c.path, status, body, c.status, c.want)
		}
	}
	stop(t, b)
}

// With balance=load a shard that has all the work gives some of it away, and with
// balance=counts uneven numbers are evened out.
func TestBalances(t *testing.T) {
	for _, by := range []string{"counts", "load"} {
		t.Run(by, func(t *testing.T) {
			b := start(t, t.TempDir(), "balance", by, "balance.interval.ms", "20")
			b.balance.mu.Lock() // a test has little work, and little patience
			b.balance.b = placement.New[partKey](2, placement.Options{Floor: 0.01, MinGain: 0.001})
			b.balance.mu.Unlock()
			topicWith(t, dial(t, b), "t", 4)
			for p := range int32(4) {
				mustMove(t, b, cluster.Move{Topic: "t", Index: p, To: 0})
			}
			done := make(chan struct{})
			var all sync.WaitGroup
			batch := randomBatch(seeded(t), 1000)
			for p := range int32(4) {
				r := dial(t, b)
				all.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						if _, code, err := r.produce("t", p, bytes.Clone(batch)); err != nil || code != 0 && code != codeExhausted {
							t.Errorf("partition %d: code %d, %v", p, code, err)
							return
						}
					}
				})
			}
			for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
				if _, counts := owners(b); counts[0] == 2 || by == "load" && counts[0] < 4 {
					break
				}
				if time.Now().After(end) {
					table, _ := owners(b)
					t.Errorf("still %v", table)
					break
				}
			}
			close(done)
			all.Wait()
			stop(t, b)
		})
	}
}
