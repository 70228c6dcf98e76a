package tpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/log/check"
)

// model is what clients have been promised. Every record carries a number of
// its own. A number that was acknowledged or read at an offset stays there.
type model struct {
	w     *world
	blind bool // the broker is a dead one's rest: nothing it does is seen
	next  uint64
	names int
	topic map[string]*simTopic
	order []*simTopic
	parts map[simPart]*promise
	marks map[*ownedPartition]log.Mark // high watermarks as last seen
	begin map[*ownedPartition]int64    // and starts
	owner map[partKey]simOwner         // scratch of check
	times map[uint64]int64             // of records, ms, where they tell when one may go
}

// simOwner is where a partition is.
type simOwner struct {
	shard  int
	moving bool
}

type simPart struct {
	topic string
	index int32
}

// simTopic is a topic that clients know of. Names are used once.
type simTopic struct {
	name  string
	parts int32
	there bool // its creation was acknowledged
	going bool // its deletion was begun
	gone  bool // and acknowledged
}

// promise is what is known of a partition.
type promise struct {
	at    map[int64]uint64 // number by offset
	sent  map[uint64]bool  // numbers that may be there
	never map[uint64]bool  // numbers whose append was refused for good
}

func newModel(w *world) *model {
	return &model{w: w, topic: map[string]*simTopic{}, parts: map[simPart]*promise{}, marks: map[*ownedPartition]log.Mark{}, owner: map[partKey]simOwner{}, begin: map[*ownedPartition]int64{}, times: map[uint64]int64{}}
}

func (m *model) part(topic string, index int32) *promise {
	k := simPart{topic, index}
	p := m.parts[k]
	if p == nil {
		p = &promise{at: map[int64]uint64{}, sent: map[uint64]bool{}, never: map[uint64]bool{}}
		m.parts[k] = p
	}
	return p
}

// bind says that the record is at the offset, for ever.
func (m *model) bind(topic string, index int32, offset int64, number uint64, how string) {
	p := m.part(topic, index)
	if !p.sent[number] {
		m.w.fail("%s: %s-%d has record %d at offset %d, which nobody sent there", how, topic, index, number, offset)
	}
	if was, ok := p.at[offset]; ok && was != number {
		m.w.fail("%s: %s-%d has record %d at offset %d, where %d was before", how, topic, index, number, offset, was)
	}
	if p.never[number] {
		m.w.fail("%s: %s-%d has record %d at offset %d, whose append was refused", how, topic, index, number, offset)
	}
	p.at[offset] = number
}

// usable are the topics that requests go to.
func (m *model) usable() []*simTopic {
	var out []*simTopic
	for _, t := range m.order {
		if t.there && !t.gone {
			out = append(out, t)
		}
	}
	return out
}

// check looks at the broker's inside after each step.
func (m *model) check() {
	b := m.w.b
	if b == nil || m.blind {
		return
	}
	im := b.image.Load()
	clear(m.owner)
	for _, s := range b.shards {
		for key, p := range s.parts {
			if other, twice := m.owner[key]; twice {
				m.w.fail("%s-%d is owned by shards %d and %d", p.Topic, p.Index, other.shard, s.id)
			}
			m.owner[key] = simOwner{s.id, p.moving}
			if p.gone {
				continue
			}
			m.retained(p)
			if m.w.plan.durability == models.Memory {
				continue
			}
			was, known := m.marks[p]
			hw := p.HighWatermark()
			switch {
			case known && hw.Offset < was.Offset:
				m.w.fail("%s-%d: high watermark went from %d back to %d", p.Topic, p.Index, was.Offset, hw.Offset)
			case hw.Offset > p.Log.EndOffset():
				m.w.fail("%s-%d: high watermark %d beyond the log's end %d", p.Topic, p.Index, hw.Offset, p.Log.EndOffset())
			case !known || hw != was:
				if !m.ahead() {
					m.durable(p, was, hw)
				}
				m.marks[p] = hw
			}
		}
	}
	if im == nil || !m.w.up {
		return
	}
	for key, owner := range m.owner {
		if t := im.TopicByID(key.id); t != nil && !owner.moving && int(key.index) < len(t.Parts) && int(t.Parts[key.index].Owner) != owner.shard {
			m.w.fail("%s-%d is owned by shard %d, the metadata says %d", t.Name, key.index, owner.shard, t.Parts[key.index].Owner)
		}
	}
}

// checkQuiet is called when nobody has anything to do: nothing may lie where
// somebody sleeps who should have been told.
func (m *model) checkQuiet() {
	b := m.w.b
	if b == nil || m.blind {
		return
	}
	for _, s := range b.shards {
		if m.w.begun(s) && !s.r.Over() && b.mesh.Readable(s.id) {
			m.w.fail("shard %d sleeps while a message waits for it", s.id)
		}
		for _, p := range s.parts {
			for f := p.fetchWaits; f != nil; f = f.next {
				for _, i := range f.leg.parts {
					fp := &f.leg.req.fetch.Parts[i]
					hw := p.HighWatermark().Offset
					if fp.Topic.ID == p.ID && fp.Index == p.Index && f.leg.need <= 1 && fp.Offset < hw && !p.moving {
						m.w.fail("%s-%d: a fetch from %d waits at high watermark %d", p.Topic, p.Index, fp.Offset, hw)
					}
				}
			}
			if w := p.produceHead; w != nil { // the others come after it: they may be duplicates of what is durable
				if w.need <= p.HighWatermark().Offset {
					m.w.fail("%s-%d: a producer waits for offset %d at high watermark %d", p.Topic, p.Index, w.need, p.HighWatermark().Offset)
				}
			}
		}
	}
}

// durable checks that what the high watermark now covers has kept the promise.
func (m *model) durable(p *ownedPartition, was, hw log.Mark) {
	if hw.Offset == 0 {
		return
	}
	from := int64(0)
	next := hw.SegBase
	if was.SegBase == hw.SegBase && was.Offset > 0 {
		from, next = was.Pos, was.Offset
	}
	file := path.Join(p.dir, fmt.Sprintf("%020d.log", hw.SegBase))
	b := m.w.mem.Content(file, m.w.plan.durability == models.Power)
	if int64(len(b)) < hw.Pos {
		m.w.fail("%s-%d: high watermark %d at %d of segment %d, of which the device has %d bytes", p.Topic, p.Index, hw.Offset, hw.Pos, hw.SegBase, len(b))
	}
	for pos := from; pos < hw.Pos; {
		var h batch.Header
		if err := batch.Parse(b[pos:hw.Pos], &h); err != nil || int64(h.TotalLen()) > hw.Pos-pos {
			m.w.fail("%s-%d: the device has no batch at %d of segment %d below the high watermark %d at %d: %v", p.Topic, p.Index, pos, hw.SegBase, hw.Offset, hw.Pos, err)
		}
		whole := b[pos : pos+int64(h.TotalLen())]
		if batch.Checksum(whole) != h.CRC || h.BaseOffset != next {
			m.w.fail("%s-%d: the device has a broken batch at %d of segment %d: offset %d, want %d", p.Topic, p.Index, pos, hw.SegBase, h.BaseOffset, next)
		}
		next = h.LastOffset() + 1
		pos += int64(len(whole))
	}
	if next != hw.Offset {
		m.w.fail("%s-%d: high watermark %d, the device has batches up to %d", p.Topic, p.Index, hw.Offset, next)
	}
}

func (m *model) restarted() {
	clear(m.marks)
	clear(m.begin)
}

// retains reports whether the log's oldest records may go.
func (m *model) retains() bool { return m.w.plan.retain > 0 || m.w.plan.retainMs > 0 }

// retained checks that nothing has gone from the front of a log whose time or
// size has not come.
func (m *model) retained(p *ownedPartition) {
	start := p.Log.StartOffset()
	was, known := m.begin[p]
	m.begin[p] = start
	if !known || start == was {
		return
	}
	m.w.cover.hit("segments removed by retention")
	switch {
	case start < was || !m.retains() || start > p.HighWatermark().Offset:
		m.w.fail("%s-%d: the log's start went from %d to %d, the high watermark is %d", p.Topic, p.Index, was, start, p.HighWatermark().Offset)
	case m.w.plan.retain > 0:
		m.w.cover.hit("segments retained by size")
		if n := p.Log.SizeBytes(); n < int64(m.w.plan.retain) {
			m.w.fail("%s-%d: retention of %d bytes has left %d", p.Topic, p.Index, m.w.plan.retain, n)
		}
	default:
		m.w.cover.hit("segments retained by time")
		promised := m.part(p.Topic, p.Index).at
		for offset := was; offset < start; offset++ {
			if number, ok := promised[offset]; ok {
				if age := (simOutside{m.w}).wallMs() - m.times[number]; age <= int64(m.w.plan.retainMs) {
					m.w.fail("%s-%d: record %d at offset %d has gone after %d ms, of %d", p.Topic, p.Index, number, offset, age, m.w.plan.retainMs)
				}
			}
		}
	}
}

// startOf is where a partition starts by now, as its owner has it; -1 when nobody
// does, because it moves or goes.
func (m *model) startOf(k simPart) (start int64) {
	start = -1
	if m.w.b != nil {
		for _, s := range m.w.b.shards {
			for _, p := range s.partList {
				if p.Topic == k.topic && p.Index == k.index {
					start = max(start, p.Log.StartOffset())
				}
			}
		}
	}
	return start
}

// crashed forgets what the promise did not cover.
func (m *model) crashed(power bool) {
	m.w.cover.hit("crash")
	if power {
		m.w.cover.hit("power loss")
	}
	d := m.w.plan.durability
	if d != models.Memory && !(power && d != models.Power) {
		return
	}
	m.forget()
	for _, c := range m.w.clients {
		if c.writer != nil {
			c.writer.forget() // its sequence numbers are no longer the log's
		}
	}
}

// forget is when nothing that was promised need be kept.
func (m *model) forget() {
	for _, p := range m.parts {
		clear(p.at)
	}
}

// started compares the logs on disk with what was promised.
func (m *model) started() { m.compare() }

func (m *model) stopped(err error) {
	if m.anyFaults() && m.ahead() {
		return // the next start replays what could not be written
	}
	if m.anyFaults() && m.w.plan.durability == models.Memory {
		m.forget() // what was acknowledged before it was written could not be written
	}
	if err != nil && !m.anyFaults() {
		m.w.fail("stop: %v", err)
	}
	m.compare()
	if err == nil && !m.anyFaults() {
		m.audit()
	}
}

// ahead tells whether promises are kept by staging files.
func (m *model) ahead() bool { return m.w.plan.staged && m.w.plan.durability == models.Process }

func (m *model) anyFaults() bool { return m.w.plan.faultRate > 0 }

// audit has the suite's own checker read what a clean stop has left.
func (m *model) audit() {
	files := fstest.MapFS{}
	m.export("/data/logs", "logs", files)
	var report strings.Builder
	if n, err := check.CheckFS(files, "logs", &report); n > 0 || err != nil {
		m.w.fail("the logs after a clean stop have %d problems: %v\n%s", n, err, &report)
	}
	m.w.cover.hit("logs audited")
}

// export makes a directory of the simulated disk one that the checker reads.
func (m *model) export(from, to string, files fstest.MapFS) {
	names, err := m.w.mem.ReadDir(from)
	if err != nil {
		m.w.fail("exporting %s: %v", from, err)
	}
	files[to] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
	for _, name := range names {
		src, dst := path.Join(from, name), path.Join(to, name)
		if _, sub := m.w.mem.ReadDir(src); sub == nil {
			m.export(src, dst, files)
		} else {
			files[dst] = &fstest.MapFile{Data: m.w.mem.Content(src, false)}
		}
	}
}

// compare reads every log in the data directory.
func (m *model) compare() {
	for _, t := range m.order {
		if t.going || !t.there {
			continue
		}
		for i := range t.parts {
			m.comparePart(t.name, i)
		}
	}
}

func (m *model) comparePart(topic string, index int32) {
	p := m.part(topic, index)
	dir := fmt.Sprintf("/data/logs/%s-%d", topic, index)
	names, err := m.w.mem.ReadDir(dir)
	if err != nil {
		m.w.fail("%s-%d: %v", topic, index, err)
	}
	seen := map[uint64]int64{}
	next, first := int64(-1), int64(-1)
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		if first < 0 {
			_, _ = fmt.Sscanf(name, "%d.log", &first)
		}
		b := m.w.mem.Content(path.Join(dir, name), false)
		for len(b) > 0 {
			records, rest, err := takeBatch(b)
			if err != nil {
				if slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) && !m.failed(topic, index) {
					m.w.fail("%s-%d: %s: %v after offset %d", topic, index, name, err, next)
				}
				break
			}
			b = rest
			for _, r := range records {
				if next >= 0 && r.offset != next {
					m.w.fail("%s-%d: offset %d follows %d", topic, index, r.offset, next-1)
				}
				next = r.offset + 1
				if at, twice := seen[r.number]; twice {
					m.w.fail("%s-%d: record %d is at offsets %d and %d", topic, index, r.number, at, r.offset)
				}
				seen[r.number] = r.offset
				if !p.sent[r.number] {
					m.w.fail("%s-%d: record %d at offset %d was never sent there", topic, index, r.number, r.offset)
				}
				if p.never[r.number] {
					m.w.fail("%s-%d: record %d at offset %d, whose append was refused", topic, index, r.number, r.offset)
				}
			}
		}
	}
	for offset, number := range p.at {
		if offset < first && m.retains() {
			continue
		}
		if at, ok := seen[number]; !ok || at != offset {
			m.w.fail("%s-%d: record %d was promised at offset %d, the log ends at %d and has it at %d (%v)", topic, index, number, offset, next, at, ok)
		}
	}
}

// failed tells whether a partition's storage is out of service.
func (m *model) failed(topic string, index int32) bool {
	if m.w.b == nil {
		return m.anyFaults()
	}
	for _, s := range m.w.b.shards {
		for _, p := range s.parts {
			if p.Topic == topic && p.Index == index {
				return p.Failed()
			}
		}
	}
	return false
}

// simRecord is one record as a client sees it.
type simRecord struct {
	offset int64
	number uint64
}

var errNoBatch = errors.New("no whole batch")

// takeBatch reads the batch at the start of b.
func takeBatch(b []byte) (out []simRecord, rest []byte, err error) {
	var h batch.Header
	if err := batch.Parse(b, &h); err != nil {
		return nil, b, err
	}
	if h.TotalLen() > len(b) {
		return nil, b, errNoBatch
	}
	whole := b[:h.TotalLen()]
	if sum := batch.Checksum(whole); sum != h.CRC {
		return nil, b, fmt.Errorf("checksum %08x, want %08x", sum, h.CRC)
	}
	r := whole[batch.HeaderLen:]
	for i := range h.Count {
		size, n := binary.Varint(r)
		body := r[n : n+int(size)]
		r = r[n+int(size):]
		body = body[1:]
		for range 2 {
			_, n := binary.Varint(body)
			body = body[n:]
		}
		key, n := binary.Varint(body)
		body = body[n+int(max(key, 0)):]
		_, n = binary.Varint(body)
		out = append(out, simRecord{h.BaseOffset + int64(i), binary.BigEndian.Uint64(body[n:])})
	}
	return out, b[len(whole):], nil
}
