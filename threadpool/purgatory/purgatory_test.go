package purgatory

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// op waits until its need is met.
type op struct {
	Delayed
	name  string
	level *atomic.Int64
	need  int64
	log   func(string)
	ended atomic.Int32
}

func (o *op) TryComplete() bool { return o.level.Load() >= o.need && o.ForceComplete() }

func (o *op) OnComplete(expired bool) {
	o.ended.Add(1)
	if o.log != nil {
		o.log(fmt.Sprintf("%s expired=%v", o.name, expired))
	}
}

func key(n int32) Key { return Key{Topic: [16]byte{1}, Partition: n} }

// TestTranscript walks through the life of operations with a clock by hand.
func TestTranscript(t *testing.T) {
	var now int64 = 1000
	var out []string
	log := func(s string) { out = append(out, s) }
	p := New(Options{NowMs: func() int64 { return now }, PurgeInterval: 2})
	a, b := &atomic.Int64{}, &atomic.Int64{}
	step := func(s string, args ...any) { log(fmt.Sprintf(s, args...)) }

	step("met at once: %v", p.TryCompleteElseWatch(&op{name: "m", level: a, need: 0, log: log}, []Key{key(0)}, 10))
	step("waits: %v", p.TryCompleteElseWatch(&op{name: "x", level: a, need: 1, log: log}, []Key{key(0), key(1)}, 10))
	step("waits: %v", p.TryCompleteElseWatch(&op{name: "y", level: b, need: 1, log: log}, []Key{key(0)}, 500))
	step("nothing changed: %d", p.CheckAndComplete(key(0)))
	a.Store(1)
	step("other key: %d", p.CheckAndComplete(key(7)))
	step("x is ready: %d", p.CheckAndComplete(key(0)))
	step("waiting %d, watched %d", p.Waiting(), p.Watched())
	now = 1499
	p.Expire(now, nil)
	step("waiting %d, expired %d", p.Waiting(), p.Expired())
	now = 1500
	p.Expire(now, nil)
	step("waiting %d, expired %d, watched %d", p.Waiting(), p.Expired(), p.Watched())
	step("too late: %d", p.CheckAndComplete(key(0)))
	step("no time at all: %v", p.TryCompleteElseWatch(&op{name: "z", level: b, need: 1, log: log}, []Key{key(2)}, 0))
	for i := range 3 {
		p.TryCompleteElseWatch(&op{name: "q", level: b, need: 1}, []Key{key(10 + int32(i)), key(20)}, 5)
	}
	b.Store(1)
	step("by one key: %d, watched %d", p.CheckAndComplete(key(20)), p.Watched())
	p.Expire(now, nil)
	step("purged: watched %d", p.Watched())
	b.Store(0)
	p.TryCompleteElseWatch(&op{name: "s", level: b, need: 1, log: log}, []Key{key(3)}, 1000)
	p.CompleteAll()
	step("waiting %d", p.Waiting())

	want := strings.TrimSpace(`
m expired=false
met at once: true
waits: false
waits: false
nothing changed: 0
other key: 0
x expired=false
x is ready: 1
waiting 1, watched 2
waiting 1, expired 0
y expired=true
waiting 0, expired 1, watched 2
too late: 0
z expired=true
no time at all: false
by one key: 3, watched 5
purged: watched 0
s expired=true
waiting 0`)
	if got := strings.Join(out, "\n"); got != want {
		t.Errorf("got:\n%s\n\nwant:\n%s", got, want)
	}
}

// TestStress lets threads raise levels, wait and expire at once. Every
// operation must end exactly once, and none whose level is reached may be left
// waiting: that is the gap between the first check and the watch.
func TestStress(t *testing.T) {
	for _, sched := range []bool{false, true} {
		t.Run(fmt.Sprintf("sched=%v", sched), func(t *testing.T) { stress(t, sched) })
	}
}

func stress(t *testing.T, sched bool) {
	const keys, producers, waiters, rounds = 3, 3, 3, 3000
	begin := time.Now()
	p := New(Options{NowMs: func() int64 { return time.Since(begin).Milliseconds() }, PurgeInterval: 100, Sched: sched})
	var expiry sync.WaitGroup
	expiry.Go(p.Run)
	levels := make([]atomic.Int64, keys)
	var wg sync.WaitGroup
	for range producers {
		wg.Go(func() {
			for i := range rounds {
				k := i % keys
				levels[k].Add(1)
				p.CheckAndComplete(key(int32(k)))
			}
		})
	}
	all := make([][]*op, waiters)
	for w := range waiters {
		wg.Go(func() {
			for i := range rounds {
				k := (i + w) % keys
				o := &op{level: &levels[k], need: levels[k].Load() + int64(i%3)}
				delay := int64(60_000)
				if i%5 == 0 {
					delay = int64(i % 4)
				}
				all[w] = append(all[w], o)
				p.TryCompleteElseWatch(o, []Key{key(int32(k)), key(int32(k + keys))}, delay)
			}
		})
	}
	wg.Wait()
	for _, ops := range all {
		for _, o := range ops {
			if o.level.Load() >= o.need && o.ended.Load() == 0 {
				t.Fatalf("level %d reached %d and the operation still waits", o.level.Load(), o.need)
			}
		}
	}
	p.CompleteAll()
	p.Stop()
	expiry.Wait()
	for _, ops := range all {
		for _, o := range ops {
			if n := o.ended.Load(); n != 1 {
				t.Fatalf("an operation ended %d times, want 1", n)
			}
		}
	}
	if p.Waiting() != 0 || p.wheel.Len() != 0 || p.Watched() != 0 {
		t.Errorf("left over: %d waiting, %d in the wheel, %d watched", p.Waiting(), p.wheel.Len(), p.Watched())
	}
}

// TestShards: whoever holds one shard's lock stops nobody at the others, and
// keys spread over nearly all of them.
func TestShards(t *testing.T) {
	p := New(Options{NowMs: func() int64 { return 1 }, PurgeInterval: 1000})
	level := &atomic.Int64{}
	used := map[uint64]bool{}
	first := key(0)
	held := first.hash() % shards
	p.shards[held].lock.Lock()
	defer p.shards[held].lock.Unlock()
	for n := range int32(4 * shards) {
		k := key(n)
		used[k.hash()%shards] = true
		if k.hash()%shards == held {
			continue
		}
		p.TryCompleteElseWatch(&op{level: level, need: 1}, []Key{k}, 1000)
		level.Store(1)
		if got := p.CheckAndComplete(k); got != 1 {
			t.Fatalf("key %d: %d completed, want 1", n, got)
		}
		level.Store(0)
	}
	if len(used) < shards*9/10 {
		t.Errorf("%d keys use %d of %d shards", 4*shards, len(used), shards)
	}
}
