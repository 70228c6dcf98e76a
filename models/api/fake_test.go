package api

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/partition"
	"github.com/ceteris/ceteris/models/wire"
)

// fakeBroker is the smallest shell there can be: one thread, a log directory in
// memory, every step run inline.
type fakeBroker struct {
	t     testing.TB
	fs    *disk.Mem
	dir   *log.Dir
	env   *Env
	im    *cluster.Image
	parts map[log.TP]*partition.Partition
	ses   *Sessions
	ids   atomic.Int32
	nowMs int64
	made  byte // topics made so far
	next  int64
	pk    log.Peeker
	check batch.Validator

	produce Produce
	fetch   Fetch
	chain   iobuf.Chain
	head    []byte
	heap    iobuf.Heap
	pieces  int
}

// piece is how much of a request is done in one go: now little, now all of it,
// which makes no difference to anything.
func (f *fakeBroker) piece() int {
	f.pieces++
	return [...]int{1, 2, allAtOnce, 3}[f.pieces%4]
}

func newFake(t testing.TB, settings ...string) *fakeBroker {
	f := &fakeBroker{t: t, fs: disk.NewMem(), parts: map[log.TP]*partition.Partition{}, nowMs: 1_700_000_000_000, pk: log.FilePeeker{}, next: 1000}
	var err error
	if f.dir, err = log.OpenDir(f.fs, "/data/logs", log.DirOptions{ClusterID: "testtesttesttesttestte", NodeID: 1, DirectoryID: "AAAAAAAAAAAAAAAAAAAAAA"}); err != nil {
		t.Fatal(err)
	}
	cfg := models.DefaultConfig(models.Model{Name: "fake", Preset: models.PresetTPC})
	for i := 0; i < len(settings); i += 2 {
		if err := cfg.Set(settings[i], settings[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	f.im = cluster.New("testtesttesttesttestte", 1, log.DefaultConfig())
	f.ses = NewSessions(int(cfg.Int("max.incremental.fetch.session.cache.slots")), &f.ids)
	f.env = &Env{
		Cfg: &cfg, ClusterID: f.im.ClusterID(), Nodes: []wire.Node{{ID: 1, Host: "localhost", Port: 9092}},
		Image: func() *cluster.Image { return f.im }, Control: f, NowMs: func() int64 { return f.nowMs },
	}
	f.produce.Env, f.fetch.Env = f.env, f.env
	t.Cleanup(func() {
		if f.chain.Reset(nil); len(f.chain.Pieces) != 0 {
			t.Error("pieces are left")
		}
	})
	return f
}

func (f *fakeBroker) Mutate(c cluster.Command) (*cluster.Image, int16, string) {
	if ct, ok := c.(cluster.CreateTopic); ok {
		f.made++
		ct.ID = [16]byte{0: 0xee, 15: f.made}
		c = ct
	}
	im, code, msg := f.im.Apply(c)
	if code != 0 {
		return nil, code, msg
	}
	f.im = im
	for tp := range f.parts {
		if im.Topic([]byte(tp.Topic)) == nil {
			delete(f.parts, tp)
			if err := f.dir.DeleteLogs([]log.TP{tp}); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	for _, t := range im.Topics() {
		for i := range t.Parts {
			f.open(t, int32(i))
		}
	}
	return im, 0, ""
}

func (f *fakeBroker) open(t *cluster.Topic, index int32) {
	tp := log.TP{Topic: t.Name, Index: index}
	if f.parts[tp] != nil {
		return
	}
	l, err := f.dir.OpenLog(t.Name, index, t.ID, t.Log)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range l.Segments() {
		f.openSegment(l, s)
	}
	f.parts[tp] = partition.New(t.Name, t.ID, index, l, t.Parts[index].LeaderEpoch)
}

func (f *fakeBroker) openSegment(l *log.Log, s *log.Segment) {
	file, err := f.fs.Open(s.Path(l.Path()), os.O_RDWR|os.O_CREATE)
	if err != nil {
		f.t.Fatal(err)
	}
	s.File = file
}

func (f *fakeBroker) NextProducerID() (int64, int16) {
	f.next++
	return f.next, 0
}

func (f *fakeBroker) topic(name string, parts int32, configs ...string) *cluster.Topic {
	f.t.Helper()
	c := cluster.CreateTopic{Name: name, Partitions: parts, ReplicationFactor: 1, Configs: map[string]string{}}
	for i := 0; i < len(configs); i += 2 {
		c.Configs[configs[i]] = configs[i+1]
	}
	if _, code, msg := f.Mutate(c); code != 0 {
		f.t.Fatalf("create %s: %d %s", name, code, msg)
	}
	return f.im.Topic([]byte(name))
}

func (f *fakeBroker) part(topic *cluster.Topic, index int32) *partition.Partition {
	return f.parts[log.TP{Topic: topic.Name, Index: index}]
}

// do sends a request through the whole path, from its frame to the response
// that a client decodes. Nil means no response (acks 0); closed is why the
// connection would be closed.
func (f *fakeBroker) do(req kmsg.Request) (resp kmsg.Response, closed error) {
	f.t.Helper()
	framed := kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, 99)
	out, err := f.serve(framed[wire.SizeLen:])
	if err != nil || out == nil {
		return nil, err
	}
	return f.decode(req, out), nil
}

// serve answers one frame, with nil for acks 0. The connection is closed on error.
func (f *fakeBroker) serve(frame []byte) ([]byte, error) {
	var h wire.Header
	if err := wire.ParseHeader(frame, &h); err != nil {
		return nil, err
	}
	a, err := Admit(&h)
	if err != nil {
		return nil, err
	}
	switch body := frame[h.Body:]; a.Key {
	case 0:
		return f.doProduce(&h, body)
	case 1:
		return f.doFetch(&h, body)
	default:
		return f.doCold(a, &h, body)
	}
}

// ask is do for requests that are answered.
func (f *fakeBroker) ask(req kmsg.Request) kmsg.Response {
	f.t.Helper()
	resp, closed := f.do(req)
	if closed != nil || resp == nil {
		f.t.Fatalf("%s v%d: response %v, closed: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), resp, closed)
	}
	return resp
}

func (f *fakeBroker) decode(req kmsg.Request, out []byte) kmsg.Response {
	f.t.Helper()
	if n := int(binary.BigEndian.Uint32(out)); n != len(out)-4 {
		f.t.Fatalf("%s v%d: size says %d, there are %d bytes", kmsg.NameForKey(req.Key()), req.GetVersion(), n, len(out)-4)
	}
	if corr := binary.BigEndian.Uint32(out[4:]); corr != 99 {
		f.t.Fatalf("correlation id %d", corr)
	}
	at := 8
	if req.IsFlexible() && req.Key() != 18 {
		if at++; out[8] != 0 {
			f.t.Fatalf("%s v%d: header tags %d", kmsg.NameForKey(req.Key()), req.GetVersion(), out[8])
		}
	}
	resp := req.ResponseKind()
	if req.Key() == 18 && req.GetVersion() > 4 {
		resp.SetVersion(0)
	}
	if err := resp.ReadFrom(out[at:]); err != nil {
		f.t.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	if again := resp.AppendTo(nil); len(again) != len(out)-at {
		f.t.Fatalf("%s v%d: %d bytes, of which a client reads %d", kmsg.NameForKey(req.Key()), req.GetVersion(), len(out)-at, len(again))
	}
	return resp
}

func (f *fakeBroker) doCold(a *API, h *wire.Header, body []byte) ([]byte, error) {
	req, err := a.Decode(h, body)
	if err != nil {
		return nil, err
	}
	var resp kmsg.Response
	if a.PlaceOf(f.env, req) == Partitions {
		op := a.Split(f.env, req)
		for i := range op.Len() {
			topic, index := op.Part(i)
			for cold, tries := true, 0; cold; tries++ {
				if cold, _ = op.Apply(i, f.part(topic, index), f.pk); tries > 100 {
					f.t.Fatal("cold for ever")
				}
			}
		}
		resp = op.Join()
	} else {
		resp = a.Answer(f.env, req)
	}
	return wire.AppendResponse(nil, h.Version, h.CorrelationID, resp), nil
}

func (f *fakeBroker) doProduce(h *wire.Header, body []byte) ([]byte, error) {
	var req wire.ProduceRequest
	if err := req.Parse(h.Version, body); err != nil {
		return nil, err
	}
	op := &f.produce
	op.Begin(&req, f.im)
	for op.SplitSome(f.piece()) {
	}
	for i := range op.Parts {
		pp := &op.Parts[i]
		if pp.Check(0); !pp.Done {
			f.append(pp, f.part(pp.Topic, pp.Index))
		}
	}
	if op.Acks == 0 {
		return nil, nil
	}
	op.BeginResponse(nil, h.CorrelationID)
	for op.AppendSome(f.piece()) {
	}
	return op.EndResponse(), nil
}

func (f *fakeBroker) append(pp *ProducePart, p *partition.Partition) {
	switch verdict := pp.Apply(p, &f.check, f.nowMs); verdict {
	case log.Refused:
		return
	case log.RollThenWrite:
		_, fresh := p.Log.Roll(&pp.Append)
		f.openSegment(p.Log, fresh)
		fallthrough
	case log.Write:
		if _, err := pp.Append.Seg.File.WriteAt(pp.Records, pp.Append.Pos); err != nil {
			p.Fail()
			pp.Finish(p, codeStorage)
			return
		}
		p.Log.Commit(&pp.Append)
		p.Durable(p.Log.EndMark())
	}
	pp.Finish(p, 0)
}

func (f *fakeBroker) doFetch(h *wire.Header, body []byte) ([]byte, error) {
	var req wire.FetchRequest
	if err := req.Parse(h.Version, body); err != nil {
		return nil, err
	}
	op := &f.fetch
	op.Begin(&req, f.im, f.ses)
	for op.SplitSome(f.piece()) {
	}
	for i := range op.Parts {
		if fp := &op.Parts[i]; !fp.Done {
			fp.Apply(f.part(fp.Topic, fp.Index), int(op.MaxBytes), true, f.pk)
			f.load(fp)
		}
	}
	return f.join(h.CorrelationID), nil
}

func (f *fakeBroker) load(fp *FetchPart) {
	if fp.Extent.Len == 0 {
		return
	}
	buf := f.heap.Alloc(fp.Extent.Len)
	if _, err := fp.Extent.Seg.File.ReadAt(buf.B[:fp.Extent.Len], fp.Extent.Pos); err != nil {
		f.t.Fatal(err)
	}
	fp.AddData(buf, buf.B[:fp.Extent.Len])
}

// join answers the fetch and returns its bytes, which is what would be sent.
func (f *fakeBroker) join(corr int32) []byte {
	op := &f.fetch
	if n := op.HeadBytes(); cap(f.head) < n {
		f.head = make([]byte, 0, n)
	}
	whole := op.HeadBytes()
	op.BeginSettle(f.ses)
	for op.SettleSome(f.ses, f.piece()) {
	}
	if n := op.HeadBytes(); n > whole {
		f.t.Errorf("the head has %d bytes at most when it is settled, %d before", n, whole)
	}
	op.BeginEncode(corr, f.head)
	for op.EncodeSome(&f.chain, f.piece()) {
	}
	if head := op.put.b; len(head) > op.HeadBytes() || cap(head) != cap(f.head) {
		f.t.Errorf("the head of %d bytes outgrew the bound of %d", len(head), op.HeadBytes())
	}
	out := flatten(&f.chain)
	f.chain.Reset(nil)
	f.fetch.Reset(nil)
	return out
}

func flatten(c *iobuf.Chain) (out []byte) {
	for i := range c.Pieces {
		out = append(out, c.Pieces[i].B...)
	}
	return out
}

// records is a batch of so many records of size bytes each.
func records(n, size int, edit ...func(*batch.Builder)) []byte {
	b := batch.NewBuilder(0, batch.CodecNone)
	for _, e := range edit {
		e(b)
	}
	for i := range n {
		b.Append(1_700_000_000_000+int64(i), nil, make([]byte, size))
	}
	return append([]byte(nil), b.Close()...)
}
