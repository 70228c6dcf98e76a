package tpc

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// simSession is a fetch session as its client sees it. The client has up to two
// requests with it in flight, and takes it along to other connections.
type simSession struct {
	id     int32
	epoch  int32             // of the next request
	told   map[simPart]int64 // offsets as the broker was told them, of all its partitions
	order  []simPart
	asking int
	over   bool // a request has failed: nothing more is asked with it
	dials  int  // connections since it began
	used   int  // dials when it was used last
}

// fetchSession fetches with the client's session: in full to begin one, and then
// only what has changed.
func (c *simClient) fetchSession() bool {
	ses := c.session
	if ses != nil && (ses.over || ses.id == 0) {
		if ses.asking > 0 {
			return false
		}
		ses = nil
	}
	if ses == nil {
		ses = &simSession{told: map[simPart]int64{}}
		c.session = ses
	} else if ses.asking == 2 || ses.epoch == 0 {
		return false
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(c.w.rng.IntN(400)), 1, 64<<10
	req.SessionID, req.SessionEpoch = ses.id, ses.epoch
	full := ses.epoch == 0
	for _, k := range ses.order {
		if c.reader[k] != ses.told[k] {
			ses.ask(req, k, c.reader[k])
		}
	}
	most := 2
	if full {
		most = 5
	}
	for range c.w.rng.IntN(most + 1) {
		if k := c.somePart(); !slices.Contains(ses.order, k) {
			ses.order = append(ses.order, k)
			ses.ask(req, k, c.reader[k])
			if !full {
				c.w.cover.hit("partition added to a session")
			}
		}
	}
	if !full && len(ses.order) > 1 && c.w.chance(10) {
		at := c.w.rng.IntN(len(ses.order))
		k := ses.order[at]
		if !slices.ContainsFunc(req.Topics, func(t kmsg.FetchRequestTopic) bool { return t.Topic == k.topic }) {
			f := kmsg.NewFetchRequestForgottenTopic()
			f.Topic, f.Partitions = k.topic, []int32{k.index}
			req.ForgottenTopics = append(req.ForgottenTopics, f)
			ses.order = slices.Delete(ses.order, at, at+1)
			delete(ses.told, k)
			c.w.cover.hit("partition forgotten by a session")
		}
	}
	if len(ses.order) == 0 {
		ses.over = true
		return false
	}
	at := map[simPart]int64{} // as of this request
	for k, offset := range ses.told {
		at[k] = offset
	}
	if !full {
		ses.epoch++
	}
	ses.asking++
	moved := ses.dials > ses.used
	ses.used = ses.dials
	peer := c.peer
	c.send(req, 11, func(resp kmsg.Response) {
		ses.asking--
		if resp == nil {
			ses.over = true
			return
		}
		r := resp.(*kmsg.FetchResponse)
		switch r.ErrorCode {
		case 0:
		case kerr.FetchSessionIDNotFound.Code, kerr.InvalidFetchSessionEpoch.Code:
			if !ses.over && !c.w.plan.direct {
				c.w.fail("client %d: session %d is not known: code %d", c.id, ses.id, r.ErrorCode)
			}
			ses.over = true
			return
		default:
			c.w.fail("client %d: fetch with session %d: code %d", c.id, ses.id, r.ErrorCode)
		}
		if full {
			ses.id, ses.epoch = r.SessionID, 1
			c.w.cover.hit("session begun")
		} else {
			c.w.cover.hit("session fetch answered")
			if moved {
				c.w.cover.hit("session kept over connections")
			}
		}
		for _, t := range r.Topics {
			for i := range t.Partitions {
				k := simPart{t.Topic, t.Partitions[i].Partition}
				offset, ok := at[k]
				if !ok {
					c.w.fail("client %d: session %d speaks of %v, which it does not have or twice", c.id, ses.id, k)
				}
				delete(at, k)
				c.fetched(k, offset, &t.Partitions[i], peer == c.peer)
			}
		}
		if full && len(at) > 0 {
			c.w.fail("client %d: the first fetch of a session leaves out %v", c.id, at)
		}
	})
	return true
}

// ask puts a partition into a request.
func (ses *simSession) ask(req *kmsg.FetchRequest, k simPart, offset int64) {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = k.index, offset, 20_000, -1
	ses.told[k] = offset
	i := slices.IndexFunc(req.Topics, func(t kmsg.FetchRequestTopic) bool { return t.Topic == k.topic })
	if i < 0 {
		t := kmsg.NewFetchRequestTopic()
		t.Topic = k.topic
		i, req.Topics = len(req.Topics), append(req.Topics, t)
	}
	req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
}
