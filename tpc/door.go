package tpc

import (
	"net/netip"

	"github.com/ceteris/ceteris/models/quota"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// The door is where connections are counted by address and by rate, if either is
// limited. Both limits are the broker's, so there is one door, at shard 0: with
// accept=handoff the shard that accepts, so that nothing is asked by message.
// Others send the descriptor of a connection that has its place and get a ticket,
// with which it leaves one day.
//
//	accepting shard ── msgKnock: socket ──▶ shard 0: address, rate
//	  closed, or served after a wait ◀─ msgOpened: ticket, wait ─
//	shard that had it ── msgLeft: ticket ─▶ ─ msgGone ─▶
type door struct {
	addresses quota.Addresses
	arrivals  quota.Arrivals
	inside    map[int32]netip.Addr // by ticket
	next      int32
}

// Tickets of those who were not counted, and of those who may not come in.
const (
	noTicket int32 = 0
	refused  int32 = -1
)

// newDoor returns nil when connections are limited in neither way.
func (b *Broker) newDoor() *door {
	perIP, perSec := b.cfg.Int("max.connections.per.ip"), b.cfg.Int("max.connection.creation.rate")
	if perIP == quota.Unlimited && perSec == quota.Unlimited {
		return nil
	}
	return &door{
		addresses: quota.Addresses{Limit: int(perIP)}, arrivals: quota.Arrivals{PerSec: perSec}, inside: map[int32]netip.Addr{},
	}
}

// knock counts a connection, and tells how long it has to wait. On shard 0.
func (d *door) knock(from netip.Addr, nowMs int64) (ticket, waitMs int32) {
	if !d.addresses.Enter(from) {
		return refused, 0
	}
	for taken := true; taken; { // after two thousand million connections numbers come again
		d.next = d.next%(1<<31-1) + 1
		_, taken = d.inside[d.next]
	}
	d.inside[d.next] = from
	return d.next, int32(min(d.arrivals.Took(max(nowMs, 1)), quota.Unlimited))
}

// left counts it out again. On shard 0.
func (d *door) left(ticket int32) {
	d.addresses.Leave(d.inside[ticket])
	delete(d.inside, ticket)
}

// caller is a socket on its way in.
type caller struct {
	s      *shard
	fd     int
	ticket int32
	atNs   int64 // when it may come in
}

// OnPlace asks at the door.
func (c *caller) OnPlace(to int) {
	c.s.asked = append(c.s.asked, c) // answers come in order
	c.s.send(to, message{kind: msgKnock, fd: int32(c.fd)})
}

// ask asks at the door for a connection that has its place.
func (s *shard) ask(fd int) {
	c := &caller{s: s, fd: fd}
	if s.id == 0 {
		ticket, waitMs := s.b.door.knock(s.b.out.peer(fd), s.r.Now()/1e6)
		s.told(c, ticket, waitMs)
		return
	}
	switch entered, ok := s.enter(groupDoor, 0, c); {
	case entered:
		c.OnPlace(0)
	case !ok:
		s.told(c, refused, 0)
	}
}

// told goes on with a connection when the door has answered.
func (s *shard) told(c *caller, ticket, waitMs int32) {
	c.ticket = ticket
	switch {
	case ticket == refused:
		s.turnedAway.Inc()
		s.turnAway(c)
	case s.stopping:
		s.turnAway(c)
	case waitMs == 0 && len(s.lobby) == 0:
		s.admit(c.fd, ticket)
	default: // those who come after wait as well: in the backlog, as far as the kernel has not accepted them
		c.atNs = s.r.Now() + int64(waitMs)*1e6
		if s.lobby = append(s.lobby, c); len(s.lobby) == 1 {
			s.listening.Pause()
			s.paced.Inc()
			s.lobbyTimer.H = (*lobby)(s)
			s.r.After(&s.lobbyTimer, int64(waitMs)*1e6)
		}
	}
}

// turnAway closes a socket that was not served.
func (s *shard) turnAway(c *caller) {
	s.b.out.closeSocket(c.fd)
	s.goodbye(c.ticket)
	s.vacate()
}

// lobby lets those in whose wait is over, in order.
type lobby shard

func (l *lobby) OnTimer(*reactor.Timer) {
	s := (*shard)(l)
	for len(s.lobby) > 0 && !s.stopping {
		c := s.lobby[0]
		if now := s.r.Now(); c.atNs > now {
			s.r.After(&s.lobbyTimer, c.atNs-now)
			return
		}
		s.lobby = append(s.lobby[:0], s.lobby[1:]...)
		s.admit(c.fd, c.ticket)
	}
	s.acceptAgain()
}

// dropLobby hangs up on those who wait when the broker stops.
func (s *shard) dropLobby() {
	waiting := s.lobby
	s.lobby = nil
	for _, c := range waiting {
		s.turnAway(c)
	}
}

// dropCallers closes what is on its way in when the reactor has ended.
func (s *shard) dropCallers() {
	for _, c := range append(s.lobby, s.asked...) {
		s.b.out.closeSocket(c.fd)
	}
	s.lobby, s.asked = nil, nil
}

// acceptAgain opens the listener unless somebody who was accepted waits.
func (s *shard) acceptAgain() {
	if s.listening != nil && len(s.parked) == 0 && len(s.lobby) == 0 {
		s.listening.Resume()
	}
}

// goodbye tells the door that a connection has gone.
func (s *shard) goodbye(ticket int32) {
	switch {
	case ticket <= noTicket:
	case s.id == 0:
		s.b.door.left(ticket)
	default:
		g := &leaver{s, ticket}
		if entered, _ := s.enter(groupDoor, 0, g); entered {
			g.OnPlace(0)
		}
	}
}

// leaver is a connection on its way out.
type leaver struct {
	s      *shard
	ticket int32
}

// OnPlace tells the door.
func (l *leaver) OnPlace(to int) { l.s.send(to, message{kind: msgLeft, part: l.ticket}) }
