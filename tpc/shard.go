package tpc

import (
	"fmt"
	"sync/atomic"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/quota"
	"github.com/ceteris/ceteris/models/staging"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/tpc/reactor"
	"github.com/ceteris/ceteris/tpc/staged"
)

// shard is one core of the broker: a thread with a reactor, a memory pool,
// connections and the partitions it owns. Everything here belongs to that
// thread; other shards reach it by message only.
type shard struct {
	id    int
	b     *Broker
	r     *reactor.Reactor
	arena *arena.Arena
	area  *staged.Area // append chunks that outlive the process; nil without staging
	env   *api.Env

	parts     map[partKey]*ownedPartition
	arriving  map[partKey]*ownedPartition // places kept for partitions that are on their way here
	leaving   []departure                 // partitions that are getting quiet
	staying   bool                        // nothing leaves any more: the broker stops
	fence     fence
	sessions  *api.Sessions
	validator batch.Validator
	produceIn wire.ProduceRequest // of the request that is being split: nothing is kept of it
	work      *busywork.Stream    // service time that an experiment adds
	rec       *telemetry.Recorder
	copies    telemetry.Copies
	quotas    *quota.Clients // of the client ids that this shard keeps; nil: nobody is limited

	conns     *conn
	connCount atomic.Int64 // read by the shard that accepts
	parked    []int        // accepted above max.connections: they wait as if in the backlog
	asked     []*caller    // at the door, and not answered
	lobby     []*caller    // those that the rate of connections keeps waiting
	crowded   atomic.Bool  // whoever closes a connection is to tell this shard
	nextConn  uint64

	dirtyParts []*ownedPartition // bytes to write this round
	waves      waves             // of device writes
	dirtyConns []*conn           // answers to send this round
	evict      []*chunk          // clean chunks, oldest at evictHead
	evictHead  int
	evictable  int // of them, those of the arena

	windows     window // the ends of the ring of windows that may be dropped
	windowBytes int64  // that they hold
	maxAhead    int64  // most bytes read ahead of a reader

	spare []*chunk // reserved for an append

	freeRequests *request
	freeChunks   *chunk
	chunkBytes   int
	layout       staging.Layout // of the area
	arenaBytes   int

	starved, starvedSpare []*conn // that want memory for a frame
	starveTimer           reactor.Timer
	allocFailed           bool // the last allocFrame found no memory

	alloc        func(int) *iobuf.Buf // allocFrame, bound once
	loans        loans
	hungry       hungry
	budget       budgets
	warm         warmth
	reserving    *ownedPartition // whose append is reserving memory
	durability   models.Durability
	inflightMax  int
	maxFrame     int
	fileAhead    disk.Ahead // what a log's file begins with: nothing unless disk=direct
	wallOffsetMs int64      // wall clock minus telemetry.Now, refreshed by a timer

	most     limits       // of what is done in one go
	looked   int64        // partitions that requests and walks have looked at
	stepMost atomic.Int64 // most of them that one step of long work looked at

	turns    turns
	live     int           // requests that are not recycled, those of closed connections included
	control  []*controlJob // requests that may block: the first is with the controller
	sends    uint32        // messages to other shards, for [shard.stamp]
	stopping bool

	controlGroup, background *reactor.Group // see background.go
	partList                 []*ownedPartition
	retention                retention
	idleSweep                idleSweep
	idleMs                   int64 // connections.max.idle.ms

	refusedNs  int64 // when a refusal for want of memory was last logged
	cleaner    cleaner
	retainedNs int64 // when retention was last applied
	listening  *reactor.Listener
	started    func(error) // tells Start that the thread stands

	local, remote, strays, hops, coldReads, evictions, parks, refusals *telemetry.Counter
	onDevice, written, zeroed                                          *telemetry.Counter // see DiskDone of appender and segFile.grow
	coldBytes, aheadBytes, aheadHits, aheadWasted                      *telemetry.Counter // see window and readahead

	accepted, crowds, throttled *telemetry.Counter
	turnedAway, paced, putOff   *telemetry.Counter
	lobbyTimer                  reactor.Timer
	idleTimer                   reactor.Timer
}

// Start is the reactor's first call on the shard's thread: the pool is touched
// here so that its pages lie on this core's node.
func (s *shard) Start(r *reactor.Reactor) error {
	s.idleTimer.H, s.starveTimer.H, s.loans.timer.H = (*housekeeping)(s), (*starvation)(s), (*returning)(s)
	s.b.out.claim(s)
	r.After(&s.idleTimer, housekeepingNs)
	s.retainedNs = r.Now() // the first round of retention comes an interval after the start, however long the process has run
	if err := s.cleaner.begin(s); err != nil {
		return err
	}
	s.started(nil)
	return nil
}

// Poll takes what other shards have sent.
func (s *shard) Poll() bool {
	s.rec.Poll()
	s.arena.Poll()
	busy := s.arena.Drain() > 0
	if s.area != nil && s.area.Drain() > 0 {
		busy = true
	}
	s.reclaimSoon()
	s.showLendable()
	busy = s.beginTurns() || busy
	busy = busy || len(s.dirtyParts) > 0 && s.waves.free() // more than one wave's worth
	got := s.b.out.receive(s)
	return got > 0 || busy || s.b.mesh.Unflushed(s.id)
}

// recvBudget bounds the messages of one round, so that a flood from one shard
// does not hold up this one's sockets.
const recvBudget = 1024

// OnMessage takes one message from another shard in.
func (s *shard) OnMessage(from int, m message) {
	s.hopped(&m)
	if s.turns.take(from, m) {
		s.handle(from, m)
	}
}

// handle does what a message asks for. Replies give the place of the request
// back before anything else, because the request may not be there afterwards.
func (s *shard) handle(from int, m message) {
	r := m.req
	switch m.kind {
	case msgProduce:
		s.applyProduce(r, m.part, telemetry.Now())
	case msgProduceDone:
		s.leavePlace(groupProduce, int(r.produce.Parts[m.part].Owner))
		s.produceBack(r, m.part)
	case msgFetch:
		s.startLeg(&r.legs[m.part])
	case msgFetchDone:
		s.leavePlace(groupFetch, r.legs[m.part].owner)
		s.legHome(r)
	case msgFetchCancel:
		s.hurry(&r.legs[m.part])
		s.send(r.c.s.id, message{kind: msgCancelAck, req: r})
	case msgCancelAck:
		r.cancelsOut--
		s.fetchProgress(r)
	case msgSeek:
		s.giveSession(r)
	case msgSeekDone:
		s.leavePlace(groupSession, s.next())
		s.sessionHome(r)
	case msgCold:
		s.applyCold(r, m.part)
	case msgColdDone:
		s.leavePlace(groupCold, r.coldWait[m.part].owner)
		s.coldAnswered(r)
	case msgAccept:
		s.attach(int(m.fd), m.part)
		s.send(from, message{kind: msgAccepted})
	case msgAccepted:
		s.leavePlace(groupAccept, from)
	case msgRoom:
		s.unpark()
	case msgFence:
		s.onFence()
	case msgBorrow:
		s.lend(from, 1<<m.fd, int(m.part))
	case msgLent:
		s.leavePlace(groupMemory, from)
		s.lent(from)
	case msgRecall:
		s.giveBack()
	case msgBook:
		s.book(r)
		s.send(from, message{kind: msgBooked, req: r})
	case msgBooked:
		s.leavePlace(groupQuota, from)
		s.booked(r)
	case msgKnock:
		ticket, waitMs := s.b.door.knock(s.b.out.peer(int(m.fd)), s.r.Now()/1e6)
		s.send(from, message{kind: msgOpened, part: ticket, fd: waitMs})
	case msgOpened:
		s.leavePlace(groupDoor, from)
		c := s.asked[0]
		s.asked = append(s.asked[:0], s.asked[1:]...)
		s.told(c, m.part, m.fd)
	case msgLeft:
		s.b.door.left(m.part)
		s.send(from, message{kind: msgGone})
	case msgGone:
		s.leavePlace(groupDoor, from)
	}
}

// Flush ends a round: device writes for every partition that has bytes, sends
// for every connection that has answers, messages to the other shards.
func (s *shard) Flush() {
	s.launch()
	if len(s.dirtyConns) > 0 {
		nowNs := telemetry.Now()
		for i := 0; i < len(s.dirtyConns); i++ { // a flush may mark more
			c := s.dirtyConns[i]
			c.dirty = false
			nowNs = c.flush(nowNs)
		}
		s.dirtyConns = s.dirtyConns[:0]
	}
	s.launch() // connections that may go on have brought more
	if len(s.leaving) > 0 {
		s.seeOff()
	}
	s.b.mesh.Flush(s.id)
}

// send stages a message; Flush shows it. Every message belongs to a request that
// has a place, and there is room for all of them, so a full queue is a broken
// invariant.
func (s *shard) send(to int, m message) {
	s.hops.Inc()
	s.stamp(&m)
	if !s.b.mesh.Post(s.id, to, m) {
		panic(fmt.Sprintf("tpc: message queue from shard %d to %d is full at %d", s.id, to, s.b.mesh.Pending(s.id)))
	}
}

// serve is where a frame enters the model: header, then the API's own path. It
// takes over one reference to buf. False closes the connection.
func (s *shard) serve(c *conn, frame []byte, buf *iobuf.Buf, readableNs, framedNs int64) bool {
	r := s.newRequest(c)
	r.buf = buf
	r.stamps[telemetry.Readable], r.stamps[telemetry.Framed] = readableNs, framedNs
	if err := wire.ParseHeader(frame, &r.hdr); err != nil {
		s.b.logf("connection %d: %v", c.id, err)
		s.recycle(r)
		return false
	}
	a, err := api.Admit(&r.hdr)
	if err != nil {
		s.b.logf("connection %d: %v", c.id, err)
		s.recycle(r)
		return false
	}
	if s.quotas != nil {
		r.booking.note(r.hdr.ClientID, frame)
	}
	c.push(r)
	body := frame[r.hdr.Body:]
	switch {
	case !a.Hot():
		s.serveCold(r, a, body)
	case r.hdr.Key == keyProduce:
		s.serveProduce(r, body)
	default:
		s.serveFetch(r, body)
	}
	return true
}

// finish marks a request answerable. It goes out when it is its connection's
// oldest, at the end of this round. A long answer is encoded first.
func (s *shard) finish(r *request) {
	if r.steps.long && !r.silent && !r.c.closed {
		s.encodeLong(r)
		return
	}
	s.answerable(r)
}

func (s *shard) answerable(r *request) {
	r.done = true
	s.markConn(r.c)
}

// abandon hastens a request whose connection is gone.
func (s *shard) abandon(r *request) {
	switch {
	case r.done || r.hdr.Key != keyFetch:
	case r.legsOut > 0:
		s.endFetch(r)
	case r.queued && r.c.closed:
		r.c.held, r.done = nil, true
	}
}

func (s *shard) markDirty(p *ownedPartition) {
	if !p.inDirty {
		p.inDirty = true
		s.dirtyParts = append(s.dirtyParts, p)
	}
}

func (s *shard) markConn(c *conn) {
	if !c.dirty {
		c.dirty = true
		s.dirtyConns = append(s.dirtyConns, c)
	}
}

func (s *shard) image() *cluster.Image { return s.b.image.Load() }

// nowMs is the wall clock in ms for record timestamps, read from the round's
// monotonic time.
func (s *shard) nowMs() int64 { return s.wallOffsetMs + s.r.Now()/1e6 }
