package tpc

import (
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// serveCold handles every API but Produce and Fetch: answered here from the
// image, by the control goroutine, or by the owners of the partitions it names.
func (s *shard) serveCold(r *request, a *api.API, body []byte) bool {
	req, err := a.Decode(&r.hdr, body)
	if err != nil {
		s.b.logf("connection %d: %v", r.c.id, err)
		return false
	}
	now := telemetry.Now()
	r.stamps[telemetry.Decoded], r.stamps[telemetry.Offered], r.stamps[telemetry.Started] = now, now, now
	r.cold = req
	switch a.PlaceOf(s.env, req) {
	case api.Controller:
		s.r.Offload(&controlJob{s: s, r: r, a: a, req: req})
		return true
	case api.Partitions:
		s.splitCold(r, a)
		return true
	}
	r.coldResp = a.Answer(s.env, req)
	s.coldDone(r)
	return true
}

// controlJob answers a request that may block (it changes the cluster's
// metadata) off the shard's thread.
type controlJob struct {
	s    *shard
	r    *request
	a    *api.API
	req  kmsg.Request
	resp kmsg.Response
}

// Work runs on the offload goroutine and touches nothing of the shard.
func (j *controlJob) Work() { j.resp = j.a.Answer(j.s.env, j.req) }

// Done runs on the shard's thread.
func (j *controlJob) Done() {
	j.r.coldResp = j.resp
	j.s.coldDone(j.r)
}

// splitCold sends every part to the shard that owns its partition.
func (s *shard) splitCold(r *request, a *api.API) {
	op := a.Split(s.env, r.cold)
	r.coldOp = op
	n := op.Len()
	r.coldWait = make([]coldWait, n)
	r.pending = 1
	for i := range n {
		topic, index := op.Part(i)
		owner := s.id
		if topic != nil && int(index) < len(topic.Parts) && index >= 0 {
			owner = int(topic.Parts[index].Owner)
		}
		r.pending++
		w := &r.coldWait[i]
		w.req, w.part, w.owner = r, int32(i), owner
		if owner != s.id {
			entered, ok := s.enter(groupCold, owner, w)
			if entered {
				w.OnPlace(owner)
			}
			if ok {
				continue
			}
			w.owner = s.id // it is answered as not here
		}
		s.applyCold(r, int32(i))
	}
	s.coldAnswered(r)
}

// OnPlace sends a part that has a place with its owner.
func (c *coldWait) OnPlace(to int) {
	c.req.c.s.send(to, message{kind: msgCold, part: c.part, req: c.req})
}

// applyCold runs at the owner, and again whenever what it misses was read.
func (s *shard) applyCold(r *request, part int32) {
	topic, index := r.coldOp.Part(int(part))
	var p *ownedPartition
	if topic != nil {
		p = s.find(topic, index)
	}
	if p == nil || p.gone {
		s.coldHome(r, part, nil, nil)
		return
	}
	w := &r.coldWait[part]
	w.req, w.part = r, part
	if p.moving {
		p.held.colds.push(w)
		return
	}
	s.lookCold(p, r, part)
}

// lookCold is applyCold for a partition that is served here.
func (s *shard) lookCold(p *ownedPartition, r *request, part int32) {
	w := &r.coldWait[part]
	w.begin(p)
	s.coldHome(r, part, p, w)
}

// coldHome applies a part, p and its peeker w being nil when it is not here or
// cannot be read, and brings it home unless the device has to be read first.
func (s *shard) coldHome(r *request, part int32, p *ownedPartition, w *coldWait) {
	if p == nil {
		r.coldOp.Apply(int(part), nil, nil)
	} else if cold, _ := r.coldOp.Apply(int(part), p.Partition, w); cold {
		w.load(windowBytes)
		return
	}
	if r.c.s != s {
		s.send(r.c.s.id, message{kind: msgColdDone, part: part, req: r})
		return
	}
	s.leavePlace(groupCold, r.coldWait[part].owner) // if its partition has come here
	s.coldAnswered(r)
}

// coldAnswered counts one answer at home.
func (s *shard) coldAnswered(r *request) {
	r.pending--
	if r.pending == 0 {
		r.coldResp = r.coldOp.Join()
		s.coldDone(r)
	}
}

func (s *shard) coldDone(r *request) {
	now := telemetry.Now()
	r.stamps[telemetry.LocalDone], r.stamps[telemetry.Satisfied] = now, now
	s.finish(r)
}
