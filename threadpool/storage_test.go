package threadpool

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/batch"
)

// A storageCase breaks partition t-0 in one way.
type storageCase struct {
	op, path   string
	durability []string // where the fault can be met
}

var storageCases = map[string]storageCase{
	"write":      {"write", "/t-0/*.log", []string{"process", "power", "power each", "memory", "process direct", "power each direct", "memory direct"}},
	"sync":       {"sync", "/t-0/*.log", []string{"power", "power each", "power direct", "power each direct"}},
	"create":     {"create", "/t-0/*.log", []string{"process", "power", "power each", "memory", "process direct"}},
	"seal index": {"create", "/t-0/*.index", []string{"process", "power", "memory"}},
	"seal sync":  {"sync", "/t-0/*.log", []string{"process", "memory"}},
}

// TestStorageFails breaks one partition's storage under load from several
// connections. The partition answers with KAFKA_STORAGE_ERROR and everybody who
// waits is answered; what was acknowledged can be read; the other partition
// notices nothing; Stop comes to an end; and after a restart nothing that was
// acknowledged is missing or has changed its place.
func TestStorageFails(t *testing.T) {
	for name, c := range storageCases {
		for _, durability := range c.durability {
			for _, threads := range []string{"os", "goroutine"} {
				t.Run(name+"/"+durability+"/"+threads, func(t *testing.T) {
					set := []string{"threads", threads, "log.segment.bytes", "16384"}
					d, direct := strings.CutSuffix(durability, " direct")
					if direct {
						set = append(set, "disk", "direct")
					}
					d, each := strings.CutSuffix(d, " each")
					if set = append(set, "durability", d); each {
						set = append(set, "commit", "each")
					}
					storageFails(t, c, config(t, set...))
				})
			}
		}
	}
}

func storageFails(t *testing.T, c storageCase, cfg models.Config) {
	// What a direct write has brought to the device no failed sync takes back.
	fs := newFaultFS(cfg.Factors.Durability == models.Power && cfg.Factors.Disk == "buffered")
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.fs = fs
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	createTopic(t, client(t, b), "t", 2)
	broken, sound := newJournal(0), newJournal(1)
	broken.rush(t, b, 8, 5, 0)
	sound.rush(t, b, 1, 10, 0)

	fs.arm(c.op, c.path)
	broken.rush(t, b, 8, 2000, codeStorage)
	if fs.hit(c.op) == 0 {
		t.Fatal("the fault was not met")
	}
	sound.rush(t, b, 2, 30, 0)
	if code := broken.send(t, dial(t, b), 0); code != codeStorage {
		t.Errorf("got code %d after the failure, want %d", code, codeStorage)
	}

	rep := b.replica(b.image.Load().Topic([]byte("t")), 0)
	readable := rep.part.HighWatermark().Offset
	lost := rep.lost.Load()
	if lost != nil {
		readable = min(readable, lost.Offset)
	}
	broken.verify(t, b, readable, lost == nil)
	if lost != nil {
		if code := fetchCode(t, b, 0, lost.Offset); code != codeStorage {
			t.Errorf("got code %d for what was never written, want %d", code, codeStorage)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.Stop(ctx); err == nil || !strings.Contains(err.Error(), "t-0") || ctx.Err() != nil {
		t.Errorf("stop: got %v, want an error that names t-0", err)
	}

	again, _ := start(t, cfg)
	rep = again.replica(again.image.Load().Topic([]byte("t")), 0)
	broken.verify(t, again, rep.part.HighWatermark().Offset, cfg.Factors.Durability != models.Memory)
	sound.verify(t, again, int64(len(sound.acked)), true)
	broken.acked = map[int64]string{}
	broken.rush(t, again, 2, 30, 0) // it takes records again
}

// journal is what was acknowledged of one partition.
type journal struct {
	throttleMs int32 // of the last response
	partition  int32
	mu         sync.Mutex
	sent       int
	acked      map[int64]string // by offset
}

func newJournal(partition int32) *journal {
	return &journal{partition: partition, acked: map[int64]string{}}
}

// rush sends n batches over each of several connections at once. With a code it
// stops at the first answer with that code and fails when none comes; any other
// code fails the test.
func (j *journal) rush(t *testing.T, b *Broker, connections, n int, until int16) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range connections {
		c := dial(t, b)
		wg.Go(func() {
			defer c.Close()
			for range n {
				code := j.send(t, c, int32(i))
				if code == until && code != 0 {
					return
				}
				if code != 0 {
					t.Errorf("partition %d: got code %d", j.partition, code)
					return
				}
			}
			if until != 0 {
				t.Errorf("partition %d: %d batches were acknowledged, want code %d", j.partition, n, until)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// send produces one record that nobody else sends and notes where it went.
func (j *journal) send(t *testing.T, c net.Conn, corr int32) int16 {
	j.mu.Lock()
	j.sent++
	value := fmt.Sprintf("%d/%06d %01000d", j.partition, j.sent, 7)
	j.mu.Unlock()
	bb := batch.NewBuilder(0, batch.CodecNone)
	bb.Append(time.Now().UnixMilli(), nil, []byte(value))
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 8, -1, 30000
	rt, rp := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	rt.Topic, rp.Partition, rp.Records = "t", j.partition, bb.Close()
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	if _, err := c.Write(frame(req, corr)); err != nil {
		t.Error(err)
		return -1
	}
	resp := kmsg.ProduceResponse{Version: 8}
	var size [4]byte
	_, err := io.ReadFull(c, size[:])
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if err == nil {
		_, err = io.ReadFull(c, body)
	}
	if err == nil {
		err = resp.ReadFrom(body[4:])
	}
	if err != nil {
		t.Errorf("partition %d, record %s: %v", j.partition, value[:8], err)
		return -1
	}
	j.mu.Lock()
	j.throttleMs = resp.ThrottleMillis
	j.mu.Unlock()
	p := &resp.Topics[0].Partitions[0]
	if p.ErrorCode == 0 {
		j.mu.Lock()
		j.acked[p.BaseOffset] = value
		j.mu.Unlock()
	}
	return p.ErrorCode
}

// verify reads the partition up to an offset. Whatever is there must be what was
// acknowledged; with all, everything acknowledged must be there.
func (j *journal) verify(t *testing.T, b *Broker, end int64, all bool) {
	t.Helper()
	cl := client(t, b, kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"t": {j.partition: kgo.NewOffset().AtStart()}}))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	seen := map[int64]string{}
	for int64(len(seen)) < end {
		fs := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("partition %d: read %d records, want %d", j.partition, len(seen), end)
		}
		fs.EachRecord(func(r *kgo.Record) { seen[r.Offset] = string(r.Value) })
	}
	for offset, want := range j.acked {
		got, ok := seen[offset]
		if ok && got != want || !ok && all {
			t.Fatalf("partition %d, offset %d of %d: got %.8q, want %.8q, which was acknowledged", j.partition, offset, end, got, want)
		}
	}
}

// fetchCode is what a fetch of topic t from an offset is answered with.
func fetchCode(t *testing.T, b *Broker, partition int32, offset int64) int16 {
	t.Helper()
	c := dial(t, b)
	req := fetchRequest("t", offset, 1000, 1)
	req.Topics[0].Partitions[0].Partition = partition
	write(t, c, frame(req, 1))
	_, body := read(t, c)
	resp := kmsg.FetchResponse{Version: req.Version}
	if err := resp.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	return resp.Topics[0].Partitions[0].ErrorCode
}

// toFail starts a broker with a topic of one partition, which holds one record and is
// going to fail.
func toFail(t *testing.T, b *Broker) (*replica, *journal) {
	t.Helper()
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop(context.Background()) }) // an error: the partition failed
	createTopic(t, client(t, b), "t", 1)
	j := newJournal(0)
	j.rush(t, b, 1, 1, 0)
	return b.replica(b.image.Load().Topic([]byte("t")), 0), j
}

// TestNoSyncAfterFailure: once a partition has failed, no sync of it may
// acknowledge anything, although the next sync of a file succeeds after one
// that has lost pages.
func TestNoSyncAfterFailure(t *testing.T) {
	b, err := New(config(t, "durability", "power"))
	if err != nil {
		t.Fatal(err)
	}
	rep, j := toFail(t, b)
	setSyncing := func(on bool) {
		rep.lock.LockAside()
		rep.syncing = on
		rep.lock.Unlock()
	}
	setSyncing(true) // by nobody, so that a record stays unsynced
	answered := make(chan int16)
	go func() { answered <- j.send(t, dial(t, b), 1) }()
	for b.produces.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	before := rep.part.HighWatermark()
	if end := rep.part.Log.EndOffset(); end != before.Offset+1 {
		t.Fatalf("the log ends at %d, want one behind the high watermark %d", end, before.Offset)
	}
	rep.part.Fail()
	h := &handler{broker: b}
	h.groupCommit(rep)
	if got := rep.part.HighWatermark(); got != before || rep.syncing {
		t.Errorf("high watermark %+v after a sync of a failed partition, want %+v; syncing %v", got, before, rep.syncing)
	}
	if code := <-answered; code != codeStorage {
		t.Errorf("who waited got code %d, want %d", code, codeStorage)
	}
	h.startCommit(rep)
	if rep.syncing {
		t.Error("a failed partition is to be synced")
	}
}

// TestCreateFails: a topic whose files cannot be made is refused and leaves
// nothing behind, and can be made once they can.
func TestCreateFails(t *testing.T) {
	b, err := New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	fs := newFaultFS(false)
	b.fs = fs
	serve(t, b)
	cl := client(t, b)
	createTopic(t, cl, "sound", 1)
	files := openFiles(t)
	fs.arm("create", "/t-2/*.log")
	req := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = "t", 4, 1
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), cl)
	if err != nil || resp.Topics[0].ErrorCode != codeStorage {
		t.Fatalf("got %+v, %v; want code %d", resp, err, codeStorage)
	}
	if n := len(*b.replicas.Load()); n != 1 {
		t.Errorf("%d topics are served, want 1", n)
	}
	if now := openFiles(t); now > files {
		t.Errorf("%d files are open, %d were before", now, files)
	}
	fs.arm("create", "nowhere*")
	createTopic(t, cl, "t", 4)
	j := newJournal(2)
	j.rush(t, b, 1, 3, 0)
	j.verify(t, b, 3, true)
}

// TestNobodyWaitsForSync: a handler that is to sync within an append, and so is
// away for long, wakes first the network threads that it owes that.
func TestNobodyWaitsForSync(t *testing.T) {
	b, err := New(config(t, "durability", "power", "commit", "each", "num.io.threads", "1"))
	if err != nil {
		t.Fatal(err)
	}
	fs := newFaultFS(false)
	b.fs = fs
	var appended atomic.Bool
	owed := make(chan int, 1)
	b.trace = func(s step, _ *request) {
		if h := b.staff.handlers[0]; s == stepAppended {
			h.owed = append(h.owed, b.processors[0])
			appended.Store(true)
		}
	}
	fs.syncing = func() {
		if appended.CompareAndSwap(true, false) {
			owed <- len(b.staff.handlers[0].owed)
		}
	}
	serve(t, b)
	createTopic(t, client(t, b), "t", 1)
	newJournal(0).rush(t, b, 1, 1, 0)
	if n := <-owed; n != 0 {
		t.Errorf("%d network threads sleep over responses while the handler syncs", n)
	}
}
