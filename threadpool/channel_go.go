package threadpool

import "github.com/ceteris/ceteris/models/telemetry"

// The channel of threads=goroutine: requests travel through a Go channel, and
// who sleeps and wakes is Go's business.

func (c *channel) putGo(r *request) {
	select {
	case c.incoming <- r:
	default:
		t := telemetry.Now()
		c.incoming <- r
		c.blocks.Add(1)
		c.blockNs.Add(uint64(telemetry.Now() - t))
	}
}

func (c *channel) takeGo(h *handler) (job, bool) {
	if r := c.takeSync(); r != nil {
		return job{sync: r}, true
	}
	select {
	case r, ok := <-c.incoming:
		return job{req: r}, ok
	default:
	}
	h.idling.begin(telemetry.Now())
	defer func() { h.idling.end(telemetry.Now()) }()
	for {
		select {
		case <-c.bell:
			if r := c.takeSync(); r != nil {
				return job{sync: r}, true
			}
		case r, ok := <-c.incoming:
			return job{req: r}, ok
		}
	}
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
