package tpc

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// minShardBytes is what a shard needs to serve at all: receive buffers, a few
// append chunks, frames.
const minShardBytes = 24 << 20

// Start recovers the data directory, starts the shards and serves. After an
// error nothing is left of the broker: not the port, the directory's lock,
// memory, or a thread.
func (b *Broker) Start() error {
	if err := b.start(); err != nil {
		return errors.Join(err, b.release(false))
	}
	return nil
}

func (b *Broker) start() (err error) {
	n := b.LockedThreads()
	b.out.threads(n)
	b.sessions.Store(b.out.firstSession())
	if err := b.listen(); err != nil {
		return err
	}
	if err := b.makeShards(n); err != nil {
		return err
	}
	b.control, err = cluster.Boot(b.fs, &b.cfg, cluster.Defaults(&b.cfg), n)
	if err != nil {
		return err
	}
	if r := b.control.Staged; r.Slots > 0 {
		b.logf("recovered: %s", r)
	}
	if err := b.openAreas(); err != nil {
		return err
	}
	logs, err := b.control.OpenLogs(int(b.cfg.Int("num.recovery.threads.per.data.dir")))
	if err != nil {
		return err
	}
	if err := b.startShards(); err != nil {
		return err
	}
	for i := range logs {
		if err := b.OpenPartition(logs[i].Topic, logs[i].Index, logs[i].Log); err != nil {
			return err
		}
	}
	b.control.Serve(b)
	b.startBalance()
	b.env.ClusterID = b.image.Load().ClusterID()
	b.setFact("shards", strconv.Itoa(n))
	b.probeDisk()
	b.setFact("overprovisioned", strconv.FormatBool(b.crowded))
	every := time.Duration(b.cfg.Int("log.flush.offset.checkpoint.interval.ms")) * time.Millisecond
	b.checkpoints.run(every, b.control.Logs().Checkpoint, b.logf)
	if err := b.out.watch(); err != nil {
		return err
	}
	return b.accept()
}

func (b *Broker) makeShards(n int) error {
	total := b.cfg.MemoryBytes
	if total == 0 {
		var info unix.Sysinfo_t
		if err := unix.Sysinfo(&info); err != nil {
			return fmt.Errorf("reading the machine's memory: %w", err)
		}
		total = int64(info.Totalram) * int64(info.Unit) / 4
	}
	if total/int64(n) < b.leastBytes {
		return fmt.Errorf("memory of %d bytes for %d shards is too little: each needs %d", total, n, b.leastBytes)
	}
	if err := b.makeMesh(n); err != nil {
		return err
	}
	seats, crowded := reactor.Seats(b.cfg.CPUs, n)
	if b.crowded = crowded; crowded && b.cfg.Factors.Spin == models.SpinAlways {
		return fmt.Errorf("factor spin=always needs a processor for each shard, got %d shards on processors %v", n, b.cfg.CPUs)
	}
	for i := range n {
		s, err := b.newShard(i, seats[i], total/int64(n))
		if err != nil {
			return err
		}
		b.shards = append(b.shards, s)
		b.mesh.SetWaker(i, waker{s.r})
	}
	b.registry.Collect(b.meshReadings)
	b.registry.SystemCalls("file", "all", disk.Calls)
	return nil
}

func (b *Broker) newShard(id, cpu int, bytes int64) (*shard, error) {
	layout := b.stagingLayout(bytes)
	if layout.Slots > 0 {
		bytes -= layout.Bytes()
	}
	mem, err := b.out.arena(cpu, bytes)
	if err != nil {
		return nil, err
	}
	f := &b.cfg.Factors
	spinNs := int64(f.Spin)
	if b.crowded {
		spinNs = 0
	}
	rec := telemetry.NewRecorder()
	o := reactor.Options{Name: strconv.Itoa(id), CPU: cpu, Backend: f.Network, SpinNs: spinNs, Arena: mem, Recorder: rec, OneDiskClass: b.cfg.Int("io.classes") == 0}
	b.out.options(&o)
	r, err := reactor.New(o)
	if err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	label := strconv.Itoa(id)
	counter := func(name, help string) *telemetry.Counter { return b.registry.Counter(name, help, "shard", label) }
	s := &shard{
		id: id, b: b, r: r, arena: mem, env: &b.env, parts: map[partKey]*ownedPartition{},
		sessions: api.NewSessions(int(b.cfg.Int("max.incremental.fetch.session.cache.slots")), &b.sessions),
		rec:      rec, work: b.work.Stream(id), durability: f.Durability, inflightMax: f.Inflight,
		maxFrame: int(b.cfg.Int("socket.request.max.bytes")),
		layout:   layout, most: b.most,
		chunkBytes: int(b.cfg.Int("append.chunk.bytes")), arenaBytes: int(bytes),
		local:        counter("parts_local_total", "request parts applied on their connection's shard"),
		remote:       counter("parts_remote_total", "request parts sent to another shard"),
		strays:       counter("parts_misrouted_total", "request parts refused because another shard owns them (routing=direct)"),
		hops:         counter("hops_total", "messages sent to another shard"),
		accepted:     counter("connections_accepted_total", "connections that the shard was given"),
		turnedAway:   counter("connections_refused_total", "connections closed for too many of their address"),
		paced:        counter("accept_paces_total", "times that the shard's listener was paused at max.connection.creation.rate"),
		putOff:       counter("intakes_put_off_total", "times that requests of a connection waited until I/O was looked at again"),
		throttled:    counter("throttled_total", "responses that told a client to wait"),
		quotas:       b.newQuotas(),
		crowds:       counter("accept_pauses_total", "times that the shard's listener was paused at max.connections"),
		coldReads:    counter("cold_reads_total", "reads of the device for bytes no longer in memory"),
		parks:        counter("tail_parks_total", "chunks of resting tails given up"),
		coldBytes:    counter("cold_read_bytes_total", "bytes that they asked for"),
		aheadBytes:   counter("readahead_bytes_total", "of them, bytes read ahead of a reader"),
		aheadHits:    counter("readahead_hits_total", "ranges read ahead that a reader came to"),
		aheadWasted:  counter("readahead_wasted_bytes_total", "bytes read ahead that were given up before a reader came to them"),
		evictions:    counter("chunk_evictions_total", "append chunks given up for memory"),
		refusals:     counter("memory_refusals_total", "appends refused for want of memory"),
		onDevice:     counter("append_bytes_total", "bytes of the log that appends have brought to the device"),
		written:      counter("append_written_bytes_total", "bytes written for that: whole blocks, the partial last one again each time"),
		zeroed:       counter("append_zeroed_bytes_total", "bytes zero-filled ahead of the log's end"),
		idleMs:       b.cfg.Int("connections.max.idle.ms"),
		wallOffsetMs: b.out.wallMs() - b.out.nowNs()/1e6,
	}
	if err := s.makeGroups(); err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	s.maxAhead = b.cfg.Int("readahead.max.bytes")
	if f.Disk == "direct" {
		s.fileAhead = disk.NewAhead(disk.FirstAhead, b.cfg.Int("prewrite.max.bytes"))
	}
	s.windows.prev, s.windows.next = &s.windows, &s.windows
	s.budget = newBudgets(bytes, counter("memory_network_refusals_total", "frames and answers that the network's budget refused"))
	s.warm.idleNs = b.cfg.Int("append.idle.ms") * 1e6
	mem.KeepFromReceive(s.budget.receive)
	mem.OnLow(s.giveUp)
	mem.OnLarge(s.largeAllocation)
	s.borrowing(bytes, counter)
	s.alloc = s.allocFrame
	b.registry.AddRecorder(s.rec, r.Wake, "shard", label)
	b.gauges(s, label)
	return s, nil
}

// startShards runs every reactor on a thread of its own and waits until all
// stand.
func (b *Broker) startShards() error {
	started := make(chan error, len(b.shards))
	for _, s := range b.shards {
		s.started = func(err error) { started <- err }
		b.out.run(s, func(err error) {
			if err != nil {
				select {
				case b.fatal <- fmt.Errorf("shard %d: %w", s.id, err):
				default:
				}
				select {
				case started <- err:
				default:
				}
			}
		})
	}
	for range b.shards {
		if err := <-started; err != nil {
			return err
		}
	}
	return nil
}
