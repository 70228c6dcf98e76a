package compact

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/log/check"
)

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

const testDir = "/data/logs"

var tp = log.TP{Topic: "topic", Index: 0}

// record is what was once appended at an offset.
type record struct {
	key   string
	value string
	null  bool // a tombstone
	ts    int64
}

// shell is the smallest broker there can be around one compacted log, and the
// memory of all that was ever appended to it.
type shell struct {
	t     failer
	fs    disk.FS
	dir   *log.Dir
	l     *log.Log
	cfg   log.Config
	v     batch.Validator
	nowMs int64
	all   map[int64]record // by offset
	last  map[int64][]byte // latest batch by producer, as it was sent
	seq   map[int64]int32
}

func start(t failer, fs disk.FS, cfg log.Config) *shell {
	t.Helper()
	s := &shell{t: t, cfg: cfg, nowMs: 1_700_000_000_000, all: map[int64]record{}, last: map[int64][]byte{}, seq: map[int64]int32{}}
	s.open(fs)
	return s
}

func (s *shell) open(fs disk.FS) {
	s.t.Helper()
	var err error
	if s.dir, err = log.OpenDir(fs, testDir, log.DirOptions{ClusterID: "c", NodeID: 1, DirectoryID: "AAAAAAAAAAAAAAAAAAAAAA"}); err != nil {
		s.t.Fatalf("open directory: %v", err)
	}
	if s.l, err = s.dir.OpenLog(tp.Topic, tp.Index, [16]byte{1}, s.cfg); err != nil {
		s.t.Fatalf("open log: %v", err)
	}
	s.fs = fs
	for _, seg := range s.l.Segments() {
		if err := s.attach(seg, seg.Path(s.l.Path())); err != nil {
			s.t.Fatalf("open segment: %v", err)
		}
	}
}

func (s *shell) attach(seg *log.Segment, path string) (err error) {
	seg.File, err = s.fs.Open(path, os.O_RDWR)
	return err
}

func (s *shell) stop() {
	s.t.Helper()
	if err := errors.Join(s.l.Close(s.fs), s.dir.Close(true)); err != nil {
		s.t.Fatalf("close: %v", err)
	}
}

// put appends records as one batch, of a producer when id is at least 0.
func (s *shell) put(codec int, id int64, records ...record) {
	s.t.Helper()
	b := batch.NewBuilder(0, codec)
	if id >= 0 {
		b.ProducerID, b.ProducerEpoch, b.BaseSequence = id, 0, s.seq[id]
		s.seq[id] += int32(len(records))
	}
	for _, r := range records {
		value := []byte(r.value)
		if r.null {
			value = nil
		}
		b.Append(r.ts, []byte(r.key), value, batch.RecordHeader{Key: "h", Value: []byte(r.key)})
	}
	sent := bytes.Clone(b.Close())
	if id >= 0 {
		s.last[id] = sent
	}
	a, v := s.send(sent)
	if v != log.Write && v != log.RollThenWrite {
		s.t.Fatalf("append: %v", v)
	}
	for i, r := range records {
		s.all[a.Base+int64(i)] = r
	}
}

func (s *shell) send(sent []byte) (a log.Append, v log.Verdict) {
	s.t.Helper()
	b := bytes.Clone(sent)
	var h batch.Header
	if code := batch.Check(b, &h, 1<<20); code != 0 {
		s.t.Fatalf("batch check: code %d", code)
	}
	v, _ = s.l.Prepare(b, &h, &s.v, s.nowMs, 0, &a)
	if v == log.RollThenWrite {
		s.roll(&a)
	}
	if v != log.Write && v != log.RollThenWrite {
		return a, v
	}
	if _, err := a.Seg.File.WriteAt(b, a.Pos); err != nil {
		s.t.Fatalf("write: %v", err)
	}
	s.l.Commit(&a)
	return a, v
}

func (s *shell) roll(a *log.Append) {
	s.t.Helper()
	old, fresh := s.l.Roll(a)
	var err error
	if fresh.File, err = log.CreateSegment(s.fs, s.l.Path(), fresh); err != nil {
		s.t.Fatalf("create segment: %v", err)
	}
	if err := log.SealSegment(s.fs, s.l.Path(), old); err != nil {
		s.t.Fatalf("seal: %v", err)
	}
}

func (s *shell) rollNow() {
	if s.l.ActiveSegment().Size() > 0 {
		s.roll(&log.Append{Base: s.l.EndOffset()})
	}
}

// clean runs one round, with a limit above everything.
func (s *shell) clean(buffer int64) (*Cleaning, Candidate) {
	c := Examine(s.l, s.l.Compacted(), 1<<60, s.nowMs)
	if c.DirtyBytes == 0 {
		return nil, c
	}
	n := Begin(Options{FS: s.fs, Logs: s.dir, BufferBytes: buffer, Attach: s.attach}, s.l, c, s.nowMs)
	s.finish(n)
	return n, c
}

func (s *shell) finish(n *Cleaning) {
	for n.Need() != Finished {
		switch n.Need() {
		case NeedIO:
			n.IO()
		case NeedCPU:
			n.CPU()
		case NeedSwap:
			for _, old := range n.Swap() {
				_ = old.File.Close()
			}
		}
	}
}

// read is the whole log, record by record, from batch to batch.
func (s *shell) read() map[int64]record {
	s.t.Helper()
	got := map[int64]record{}
	limit, next, before := s.l.EndMark(), s.l.StartOffset(), int64(-1)
	for next < limit.Offset {
		var e log.Extent
		if code := s.l.Find(next, 1, true, limit, log.FilePeeker{}, &e); code != 0 {
			s.t.Fatalf("find %d below %d: code %d", next, limit.Offset, code)
		}
		if e.Len == 0 {
			break // nothing is left up to the end
		}
		b := make([]byte, e.Len)
		if _, err := e.Seg.File.ReadAt(b, e.Pos); err != nil {
			s.t.Fatalf("read %d bytes at %d of segment %d: %v", e.Len, e.Pos, e.Seg.Base, err)
		}
		var h batch.Header
		if err := batch.Intact(b, &h); err != nil {
			s.t.Fatalf("batch at offset %d: %v", next, err)
		}
		if h.LastOffset() < next || h.BaseOffset <= before || h.TotalLen() != e.Len {
			s.t.Fatalf("find %d gave offsets %d to %d behind %d, %d bytes of %d", next, h.BaseOffset, h.LastOffset(), before, e.Len, h.TotalLen())
		}
		for offset, r := range decode(s.t, b, &h) {
			if offset < h.BaseOffset || offset > h.LastOffset() || offset <= before {
				s.t.Fatalf("record at offset %d behind %d in a batch from %d to %d", offset, before, h.BaseOffset, h.LastOffset())
			}
			got[offset] = r
		}
		before = h.LastOffset()
		next = h.LastOffset() + 1
	}
	return got
}

// decode reads a batch with the client's decoder, not the broker's.
func decode(t failer, b []byte, h *batch.Header) map[int64]record {
	t.Helper()
	raw := b[batch.HeaderLen:]
	if codec := h.Codec(); codec != batch.CodecNone {
		var err error
		if raw, err = kgo.DefaultDecompressor().Decompress(raw, kgo.CompressionCodecType(codec)); err != nil {
			t.Fatalf("decompress: %v", err)
		}
	}
	out := map[int64]record{}
	for range h.Count {
		size, n := binary.Varint(raw)
		var r kmsg.Record
		if err := r.ReadFrom(raw[:n+int(size)]); err != nil {
			t.Fatalf("record: %v", err)
		}
		raw = raw[n+int(size):]
		out[h.BaseOffset+int64(r.OffsetDelta)] = record{
			key: string(r.Key), value: string(r.Value), null: r.Value == nil, ts: h.BaseTimestamp + r.TimestampDelta64,
		}
		if len(r.Headers) != 1 || string(r.Headers[0].Value) != string(r.Key) {
			t.Fatalf("record of key %q has headers %v", r.Key, r.Headers)
		}
	}
	if len(raw) != 0 {
		t.Fatalf("%d bytes behind the last record", len(raw))
	}
	return out
}

// audit reads the files with the independent checker.
func audit(rt failer, fs disk.FS) {
	rt.Helper()
	files := fstest.MapFS{}
	copyOut(rt, fs, testDir, "logs", files)
	var out strings.Builder
	if n, err := check.CheckFS(files, "logs", &out); n > 0 || err != nil {
		rt.Fatalf("%d problems, %v\n%s", n, err, out.String())
	}
}

func copyOut(t failer, fs disk.FS, from, to string, files fstest.MapFS) {
	t.Helper()
	names, err := fs.ReadDir(from)
	if err != nil {
		t.Fatalf("%v", err)
	}
	files[to] = &fstest.MapFile{Mode: os.ModeDir | 0o700}
	for _, name := range names {
		src, dst := filepath.Join(from, name), path.Join(to, name)
		if _, err := fs.ReadDir(src); err == nil {
			copyOut(t, fs, src, dst, files)
			continue
		}
		b, err := disk.ReadFile(fs, src)
		if err != nil {
			t.Fatalf("%v", err)
		}
		files[dst] = &fstest.MapFile{Data: b, Mode: 0o600}
	}
}
