package quota

import (
	"math"

	"github.com/ceteris/ceteris/models"
)

// Limits are what every client id may use; 0 is no limit.
type Limits struct {
	ProduceBytesPerSec float64
	FetchBytesPerSec   float64
	// RequestPercent is of one thread's time: 200 is two threads.
	RequestPercent float64
}

// LimitsOf is what a broker's configuration says.
func LimitsOf(cfg *models.Config) Limits {
	return Limits{
		ProduceBytesPerSec: float64(cfg.Int("quota.producer.default")),
		FetchBytesPerSec:   float64(cfg.Int("quota.consumer.default")),
		RequestPercent:     float64(cfg.Int("quota.request.percentage.default")),
	}
}

// maxClients bounds the client ids that are told apart; those that come later
// share one account.
const maxClients = 10_000

// maxRequestMs bounds the wait for request time: one window, as in Kafka, so
// that a client comes back before it is taken for dead.
const maxRequestMs = windowMs

// Clients is the accounts of all client ids. The caller serialises all calls.
type Clients struct {
	limits Limits
	byID   map[string]*account
	others account
}

type account struct{ produce, fetch, request Window }

// NewClients returns nil when nothing is limited.
func NewClients(l Limits) *Clients {
	if l == (Limits{}) {
		return nil
	}
	return &Clients{limits: l, byID: map[string]*account{}}
}

func (c *Clients) account(id []byte) *account {
	if a := c.byID[string(id)]; a != nil {
		return a
	}
	if len(c.byID) >= maxClients {
		return &c.others
	}
	a := &account{}
	c.byID[string(id)] = a
	return a
}

// Produced records a produce request of so many bytes that took a thread
// threadNs, and returns how long its client has to wait, ms.
func (c *Clients) Produced(nowMs int64, id []byte, bytes int, threadNs int64) int32 {
	a := c.account(id)
	wait := int64(0)
	if bound := c.limits.ProduceBytesPerSec; bound > 0 {
		a.produce.Record(nowMs, float64(bytes))
		wait = a.produce.ThrottleMs(nowMs, bound)
	}
	return clamp(max(wait, c.requested(a, nowMs, threadNs)))
}

// Fetched records a response with so many bytes of records. withhold says that
// they are too many: the client is sent none of them and none are counted.
func (c *Clients) Fetched(nowMs int64, id []byte, bytes int, threadNs int64) (waitMs int32, withhold bool) {
	a := c.account(id)
	wait := int64(0)
	if bound := c.limits.FetchBytesPerSec; bound > 0 {
		a.fetch.Record(nowMs, float64(bytes))
		if wait = a.fetch.ThrottleMs(nowMs, bound); wait > 0 {
			withhold = true
			a.fetch.Record(nowMs, -float64(bytes))
		}
	}
	return clamp(max(wait, c.requested(a, nowMs, threadNs))), withhold
}

// requested records the thread's time, in percent of a second.
func (c *Clients) requested(a *account, nowMs, threadNs int64) int64 {
	bound := c.limits.RequestPercent
	if bound == 0 {
		return 0
	}
	a.request.Record(nowMs, float64(threadNs)*100/1e9)
	return min(a.request.ThrottleMs(nowMs, bound), maxRequestMs)
}

func clamp(ms int64) int32 { return int32(min(ms, math.MaxInt32)) }
