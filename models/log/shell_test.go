package log

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// shell is the smallest broker there can be around one log: blocking writes,
// files opened and sealed on the spot. Like tpc's it may write zeros ahead.
type shell struct {
	t       failer
	fs      disk.FS
	dir     *Dir
	l       *Log
	v       batch.Validator
	nowMs   int64
	epoch   int32
	ahead   int64 // zeros written behind each batch, bytes
	noSeal  bool  // the background seal never came to it
	written map[int64][]byte
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

const testDir = "/data/logs"

var (
	testOptions = DirOptions{ClusterID: "ceteris", NodeID: 1, DirectoryID: "AAAAAAAAAAAAAAAAAAAAAA"}
	testID      = [16]byte{1, 2, 3}
)

// smallConfig rolls and indexes often.
func smallConfig() Config {
	c := DefaultConfig()
	c.SegmentBytes, c.IndexIntervalBytes = 2000, 150
	return c
}

func start(t failer, fs disk.FS, cfg Config) *shell {
	t.Helper()
	dir, err := OpenDir(fs, testDir, testOptions)
	if err != nil {
		t.Fatalf("open directory: %v", err)
	}
	l, err := dir.OpenLog("topic", 0, testID, cfg)
	if err != nil {
		t.Fatalf("open log: %v", err)
	}
	s := &shell{t: t, fs: fs, dir: dir, l: l, nowMs: 1_700_000_000_000, written: map[int64][]byte{}}
	for _, seg := range l.Segments() {
		if seg.File, err = fs.Open(seg.Path(l.Path()), os.O_RDWR); err != nil {
			t.Fatalf("open segment: %v", err)
		}
	}
	return s
}

// put appends one batch, which it patches in place, the way a shell does.
func (s *shell) put(b []byte) (a Append, v Verdict, code int16) {
	s.t.Helper()
	var h batch.Header
	if code := batch.Check(b, &h, 1<<20); code != 0 {
		s.t.Fatalf("batch check: code %d", code)
	}
	v, code = s.l.Prepare(b, &h, &s.v, s.nowMs, s.epoch, &a)
	switch v {
	case Refused, Duplicate:
		return a, v, code
	case RollThenWrite:
		s.roll(&a)
	}
	if err := s.write(&a, b); err != nil {
		s.t.Fatalf("write: %v", err)
	}
	s.l.Commit(&a)
	s.written[a.Base] = append([]byte(nil), b...)
	return a, v, code
}

func (s *shell) write(a *Append, b []byte) error {
	_, err := a.Seg.File.WriteAt(b, a.Pos)
	if err == nil && s.ahead > 0 {
		_, err = a.Seg.File.WriteAt(make([]byte, s.ahead), a.Pos+int64(len(b)))
	}
	return err
}

func (s *shell) roll(a *Append) {
	s.t.Helper()
	old, fresh := s.l.Roll(a)
	var err error
	if fresh.File, err = CreateSegment(s.fs, s.l.Path(), fresh); err != nil {
		s.t.Fatalf("create segment: %v", err)
	}
	if s.noSeal {
		return
	}
	if err := SealSegment(s.fs, s.l.Path(), old); err != nil {
		s.t.Fatalf("seal segment: %v", err)
	}
}

// stop closes log and directory cleanly.
func (s *shell) stop() {
	s.t.Helper()
	if err := errors.Join(s.l.Close(s.fs), s.dir.Close(true)); err != nil {
		s.t.Fatalf("close: %v", err)
	}
}

// check reads the whole log through Find and compares it to what was written
// from offset want on; it returns the offset behind the last batch found.
func (s *shell) check() int64 {
	s.t.Helper()
	limit := s.l.EndMark()
	next := s.l.StartOffset()
	for next < limit.Offset {
		var e Extent
		if code := s.l.Find(next, 1, true, limit, FilePeeker{}, &e); code != 0 || e.Len == 0 {
			s.t.Fatalf("find %d below %d: code %d, %d bytes", next, limit.Offset, code, e.Len)
		}
		b := make([]byte, e.Len)
		if _, err := e.Seg.File.ReadAt(b, e.Pos); err != nil {
			s.t.Fatalf("read %d bytes at %d of segment %d: %v", e.Len, e.Pos, e.Seg.Base, err)
		}
		var h batch.Header
		if err := batch.Intact(b, &h); err != nil {
			s.t.Fatalf("batch at offset %d: %v", next, err)
		}
		if h.BaseOffset > next || h.LastOffset() < next || h.TotalLen() != e.Len {
			s.t.Fatalf("find %d gave offsets %d to %d, %d bytes of %d", next, h.BaseOffset, h.LastOffset(), e.Len, h.TotalLen())
		}
		if want := s.written[h.BaseOffset]; string(want) != string(b) {
			s.t.Fatalf("batch at offset %d differs from the one written there", h.BaseOffset)
		}
		next = h.LastOffset() + 1
	}
	return next
}

// records is a batch of n records of the given size, all at timestamp ts.
func records(n, size int, ts int64) []byte {
	b := batch.NewBuilder(0, batch.CodecNone)
	for range n {
		b.Append(ts, nil, bytes.Repeat([]byte("v"), size))
	}
	return b.Close()
}

// sequence is a batch of an idempotent producer.
func sequence(id int64, epoch int16, seq int32, n int) []byte {
	b := batch.NewBuilder(0, batch.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.BaseSequence = id, epoch, seq
	for range n {
		b.Append(1_700_000_000_000, nil, []byte("value"))
	}
	return b.Close()
}

var _ failer = (*testing.T)(nil)
