package threadpool

import "github.com/ceteris/ceteris/models/telemetry"

// The channel of threads=goroutine: requests travel through a Go channel, and
// who sleeps and wakes is Go's business.

func (c *channel) putGo(r *request) {
	select {
	case c.incoming <- r:
	default:
		c.putFull(r)
	}
}

// putFull waits for room and then offers, rather than offer to a full channel:
// the time of the wait has to be in the request when a handler gets it.
func (c *channel) putFull(r *request) {
	began := telemetry.Now()
	c.blocks.Add(1)
	c.starved.Add(1)
	for {
		now := telemetry.Now()
		r.stamps[telemetry.Offered] = now
		select {
		case c.incoming <- r:
			c.starved.Add(-1)
			c.blockNs.Add(uint64(now - began))
			c.tellRoom() // there may be more, for another processor
			return
		default:
		}
		<-c.vacancy
	}
}

// tellRoom lets a processor that waits for room try again. One that overlooks
// room because the notice was taken by another is told by the next take, and
// there is one: what the other has put.
func (c *channel) tellRoom() {
	if c.starved.Load() > 0 {
		select {
		case c.vacancy <- struct{}{}:
		default:
		}
	}
}

func (c *channel) takeGo(h *handler) (job, bool) {
	if r := c.takeSync(); r != nil {
		return job{sync: r}, true
	}
	select {
	case r, ok := <-c.incoming:
		return c.got(h, r, ok)
	default:
	}
	h.flush()
	h.idling.begin(telemetry.Now())
	h.sleeping.begin(telemetry.Now()) // Go's scheduler may spin for it; that cannot be told
	defer func() {
		h.sleeping.end(telemetry.Now())
		h.idling.end(telemetry.Now())
	}()
	for {
		select {
		case <-c.bell:
			if r := c.takeSync(); r != nil {
				return job{sync: r}, true
			}
		case r, ok := <-c.incoming:
			return c.got(h, r, ok)
		}
	}
}

// got makes a job of what came out of the channel; no request dismisses the
// handler. Either way it does not look for a while, so logs that want a sync are
// another's.
func (c *channel) got(h *handler, r *request, ok bool) (job, bool) {
	c.tellRoom()
	if c.size.Load() > 0 {
		c.ringBell()
	}
	h.dismissed = ok && r == nil
	return job{req: r}, r != nil
}

// takeSync takes a log that wants a sync, nil when none does or requests go
// first. It rings for another handler while there are more.
func (c *channel) takeSync() *replica {
	if c.size.Load() == 0 {
		return nil
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.syncFirst(len(c.incoming)) {
		return nil
	}
	r := c.popSync()
	if len(c.syncs) > 0 {
		c.ringBell()
	}
	return r
}

func (c *channel) ringBell() {
	select {
	case c.bell <- struct{}{}:
	default:
	}
}
