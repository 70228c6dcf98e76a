package tpc

import (
	"slices"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// serveCold handles every API but Produce and Fetch: answered here from the
// image, by the control goroutine, or by the owners of the partitions it names.
// What goes through kmsg cannot stop half-way, so what is large is offloaded.
func (s *shard) serveCold(r *request, a *api.API, body []byte) {
	now := telemetry.Now()
	r.stamps[telemetry.Decoded], r.stamps[telemetry.Offered], r.stamps[telemetry.Started] = now, now, now
	j := &coldJob{s: s, r: r, a: a, body: body}
	if len(body) > s.most.coldBytes || a.Wide() && s.image().Partitions() > s.most.coldParts {
		r.steps.long = true
		s.r.Offload(j)
		return
	}
	j.Work()
	j.Done()
}

// coldJob takes a request in, and answers it if that needs neither the controller
// nor a partition. On an offload goroutine when the request is large.
type coldJob struct {
	s    *shard
	r    *request
	a    *api.API
	body []byte
}

// Work touches nothing of the shard but the request, which nobody else does
// meanwhile.
func (j *coldJob) Work() {
	r, env := j.r, j.s.env
	if r.cold, r.unread = j.a.Decode(&r.hdr, j.body); r.unread != nil {
		return
	}
	switch j.a.PlaceOf(env, r.cold) {
	case api.Controller:
	case api.Partitions:
		r.coldOp = j.a.Split(env, r.cold)
		r.coldWait = make([]coldWait, r.coldOp.Len())
	default:
		r.coldResp = j.a.Answer(env, r.cold)
	}
}

// Done runs on the shard's thread.
func (j *coldJob) Done() {
	if j.r.unread != nil {
		j.s.notRead(j.r)
		return
	}
	j.s.placeCold(j.r, j.a)
}

// placeCold goes on with a request that was taken in.
func (s *shard) placeCold(r *request, a *api.API) {
	switch {
	case r.coldResp != nil:
		s.coldDone(r)
	case r.coldOp != nil:
		r.pending = 1
		s.inSteps(r, (*shard).offerColds, (*shard).coldAnswered)
	default:
		s.askController(&controlJob{s: s, r: r, a: a, req: r.cold})
	}
}

// askController has a request answered that may block, one of the shard's at a
// time. Others would only wait for the controller's lock, each on one of the few
// goroutines that file work needs too; and who has the lock may be closing a
// partition, which ends when the partition's file work has.
func (s *shard) askController(j *controlJob) {
	if s.control = append(s.control, j); len(s.control) == 1 {
		s.r.Offload(j)
	}
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
	s := j.s
	if s.control = slices.Delete(s.control, 0, 1); len(s.control) > 0 {
		s.r.Offload(s.control[0])
	}
	j.r.coldResp = j.resp
	s.coldDone(j.r)
}

// offerColds sends some parts to the shards that own their partitions, by the
// image of this moment as produce parts are.
func (s *shard) offerColds(r *request) (more bool) {
	op, im := r.coldOp, s.image()
	for n := 0; r.steps.at < op.Len(); n++ {
		if n == s.most.parts {
			return true
		}
		i := int32(r.steps.at)
		r.steps.at++
		topic, index := op.Part(int(i))
		owner := s.id
		if topic != nil {
			topic = im.TopicByID(topic.ID)
		}
		if topic != nil && int(index) < len(topic.Parts) && index >= 0 {
			owner = int(topic.Parts[index].Owner)
		}
		r.pending++
		w := &r.coldWait[i]
		w.req, w.part, w.owner = r, i, owner
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
		s.applyCold(r, i)
	}
	return false
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
	s.looked++
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

// encodeJob encodes a large answer on an offload goroutine.
type encodeJob struct {
	s *shard
	r *request
	b []byte
}

// Work touches nothing of the shard.
func (j *encodeJob) Work() {
	j.b = wire.AppendResponse(nil, j.r.hdr.Version, j.r.hdr.CorrelationID, j.r.coldResp)
}

// Done runs on the shard's thread.
func (j *encodeJob) Done() {
	j.r.steps.out.AppendBytes(j.b)
	j.s.encodedLong(j.r)
}
