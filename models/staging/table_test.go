package staging

import (
	"errors"
	"slices"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

var testSlot = Slot{
	Topic: [16]byte{1, 2, 3}, Partition: 7, SegBase: 100, Index: 3, EntryPos: 3*minChunkBytes - 5, EntryOffset: 140,
}

func TestSlotHeader(t *testing.T) {
	b := make([]byte, slotHeaderBytes)
	if _, ok := ParseSlot(b, minChunkBytes); ok {
		t.Error("zeros are a live slot")
	}
	PutSlot(b, &testSlot)
	if got, ok := ParseSlot(b, minChunkBytes); !ok || got != testSlot {
		t.Errorf("got %v %v, want %v", got, ok, testSlot)
	}
	for i := range 8 * (slotSumAt + 4) {
		flipped := slices.Clone(b)
		flipped[i/8] ^= 1 << (i % 8)
		if _, ok := ParseSlot(flipped, minChunkBytes); ok {
			t.Errorf("bit %d does not matter", i)
		}
	}
	ClearSlot(b)
	if _, ok := ParseSlot(b, minChunkBytes); ok {
		t.Error("a cleared slot is live")
	}
	for name, change := range map[string]func(*Slot){
		"partition":    func(s *Slot) { s.Partition = -1 },
		"segment":      func(s *Slot) { s.SegBase = -1 },
		"entry offset": func(s *Slot) { s.EntryOffset = s.SegBase - 1 },
		"entry":        func(s *Slot) { s.EntryPos = 4 * minChunkBytes },
		"index":        func(s *Slot) { s.Index = 1 << 31 / minChunkBytes },
	} {
		s := testSlot
		change(&s)
		PutSlot(b, &s)
		if _, ok := ParseSlot(b, minChunkBytes); ok {
			t.Errorf("%s: %v is taken", name, s)
		}
	}
}

func TestFileHeader(t *testing.T) {
	b := make([]byte, fileHeaderBytes)
	want := Layout{ChunkBytes: minChunkBytes, Slots: 33}
	PutFile(b, want, testBoot)
	if l, boot, err := ParseFile(b); err != nil || l != want || boot != testBoot {
		t.Errorf("got %v %q %v", l, boot, err)
	}
	for i := range 8 * (fileSumAt + 4) {
		flipped := slices.Clone(b)
		flipped[i/8] ^= 1 << (i % 8)
		if _, _, err := ParseFile(flipped); !errors.Is(err, errFile) {
			t.Errorf("bit %d: %v, want %v", i, err, errFile)
		}
	}
	for _, l := range []Layout{{minChunkBytes, 0}, {minChunkBytes + 1, 5}, {minChunkBytes / 2, 5}, {minChunkBytes, maxSlots + 1}} {
		PutFile(b, l, testBoot)
		if _, _, err := ParseFile(b); err == nil || errors.Is(err, errFile) {
			t.Errorf("%v: %v, want what is wrong with it", l, err)
		}
	}
	if at := want.chunkAt(0); at%disk.Align != 0 || at < want.headerAt(33) {
		t.Errorf("chunks begin at %d, headers end at %d", at, want.headerAt(33))
	}
}

// TestPart stores every byte of a batch once, and its length last.
func TestPart(t *testing.T) {
	const n = 100
	var seen [n]int
	for step := range Parts {
		from, to := Part(step, n)
		for i := from; i < to; i++ {
			seen[i]++
		}
		if step < Parts-1 && from < 12 && to > 8 {
			t.Errorf("step %d stores the length", step)
		}
	}
	if slices.Max(seen[:]) != 1 || slices.Min(seen[:]) != 1 {
		t.Errorf("stored so often: %v", seen)
	}
}

// TestRecover has one live chunk of two batches that no segment has.
func TestRecover(t *testing.T) {
	id := [16]byte{5}
	var raw []byte
	for i := range 2 {
		b := batch.NewBuilder(0, 0)
		b.Append(1000, nil, []byte("value"))
		one := slices.Clone(b.Close())
		batch.SetOffsets(one, int64(i), 0)
		raw = append(raw, one...)
	}
	l := Layout{ChunkBytes: minChunkBytes, Slots: 2}
	cases := []struct {
		name   string
		change func(file []byte, s *Slot) []byte
		boot   string
		clean  bool
		end    int64
		report Report
		fails  bool
	}{
		{name: "whole", end: 2, report: Report{Files: 1, Slots: 1, Batches: 2, Bytes: int64(len(raw))}},
		{name: "closed cleanly", clean: true, report: Report{Files: 1}},
		{name: "another start of the machine", boot: "next", report: Report{Files: 1, Foreign: 1}},
		{name: "another topic of the name", change: func(f []byte, s *Slot) []byte {
			s.Topic[0]++
			PutSlot(l.Header(f, 1), s)
			return f
		}, report: Report{Files: 1, Slots: 1, Unknown: 1}},
		{name: "a partition that is gone", change: func(f []byte, s *Slot) []byte {
			s.Partition++
			PutSlot(l.Header(f, 1), s)
			return f
		}, report: Report{Files: 1, Slots: 1, Unknown: 1}},
		{name: "the second batch torn", change: func(f []byte, _ *Slot) []byte {
			l.Chunk(f, 1)[len(raw)-1] ^= 1
			return f
		}, end: 1, report: Report{Files: 1, Slots: 1, Batches: 1, Bytes: int64(len(raw) / 2)}},
		{name: "a stranger's batch behind the first", change: func(f []byte, _ *Slot) []byte {
			batch.SetOffsets(l.Chunk(f, 1)[len(raw)/2:], 7, 0)
			return f
		}, end: 1, report: Report{Files: 1, Slots: 1, Batches: 1, Bytes: int64(len(raw) / 2)}},
		{name: "a header cut short", change: func(f []byte, _ *Slot) []byte {
			l.Header(f, 1)[slotSumAt] ^= 1
			return f
		}, report: Report{Files: 1}},
		{name: "the file's making cut short", change: func(f []byte, _ *Slot) []byte {
			clear(f[:fileHeaderBytes])
			return f
		}, report: Report{Files: 1}},
		{name: "an empty file", change: func([]byte, *Slot) []byte { return nil }, report: Report{Files: 1}},
		{name: "half a file", change: func(f []byte, _ *Slot) []byte { return f[:len(f)-1] }, fails: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fs := disk.NewMem()
			d := openLogs(t, fs)
			lg, err := d.OpenLog("t", 0, id, log.DefaultConfig())
			if err != nil {
				t.Fatal(err)
			}
			if c.clean {
				if err := lg.Close(fs); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Close(c.clean); err != nil {
				t.Fatal(err)
			}
			file := make([]byte, l.Bytes())
			PutFile(file, l, testBoot)
			s := Slot{Topic: id}
			PutSlot(l.Header(file, 1), &s)
			copy(l.Chunk(file, 1), raw)
			if c.change != nil {
				file = c.change(file, &s)
			}
			if err := fs.MkdirAll(Dir(testData)); err != nil {
				t.Fatal(err)
			}
			if err := disk.WriteFileSync(fs, Path(testData, 0), file); err != nil {
				t.Fatal(err)
			}
			d = openLogs(t, fs)
			boot := testBoot
			if c.boot != "" {
				boot = c.boot
			}
			r, err := Recover(fs, testData, d, boot)
			if c.fails {
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			if err != nil || r != c.report {
				t.Fatalf("got %+v %v, want %+v", r, err, c.report)
			}
			if names, err := fs.ReadDir(Dir(testData)); err != nil || len(names) > 0 {
				t.Errorf("left over: %q %v", names, err)
			}
			if lg, err = d.OpenLog("t", 0, id, log.DefaultConfig()); err != nil || lg.EndOffset() != c.end {
				t.Errorf("the log ends at %d, want %d: %v", lg.EndOffset(), c.end, err)
			}
		})
	}
}

// fataler is a test, or one draw of a property.
type fataler interface {
	Helper()
	Fatal(...any)
}

func openLogs(t fataler, fs disk.FS) *log.Dir {
	t.Helper()
	if err := fs.MkdirAll(testData); err != nil {
		t.Fatal(err)
	}
	d, err := log.OpenDir(fs, testData+"/logs", log.DirOptions{ClusterID: "c", NodeID: 1, DirectoryID: "d"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// FuzzSlot finds that what ParseSlot takes PutSlot writes.
func FuzzSlot(f *testing.F) {
	b := make([]byte, slotHeaderBytes)
	f.Add(b)
	PutSlot(b, &testSlot)
	f.Add(b)
	f.Add(b[:50])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := ParseSlot(b, minChunkBytes)
		if !ok {
			return
		}
		again := make([]byte, slotHeaderBytes)
		PutSlot(again, &s)
		if got, ok := ParseSlot(again, minChunkBytes); !ok || got != s {
			t.Fatalf("%v became %v %v", s, got, ok)
		}
	})
}

// FuzzRecover reads any chunk behind sound headers, and any headers.
func FuzzRecover(f *testing.F) {
	b := batch.NewBuilder(0, 0)
	b.Append(1000, nil, []byte("value"))
	raw := b.Close()
	f.Add([]byte{}, raw, int64(0), int64(0))
	f.Add([]byte("half a header"), append(slices.Clone(raw), raw...), int64(0), int64(0))
	f.Add([]byte{}, raw[:70], int64(-1), int64(1<<62))
	l := Layout{ChunkBytes: minChunkBytes, Slots: 2}
	f.Fuzz(func(t *testing.T, header, content []byte, index, entry int64) {
		fs := disk.NewMem()
		d := openLogs(t, fs)
		if _, err := d.OpenLog("t", 0, [16]byte{5}, log.DefaultConfig()); err != nil {
			t.Fatal(err)
		}
		file := make([]byte, l.Bytes())
		PutFile(file, l, testBoot)
		copy(l.Header(file, 0), header)
		PutSlot(l.Header(file, 1), &Slot{Topic: [16]byte{5}, Index: index, EntryPos: entry})
		copy(l.Chunk(file, 1), content)
		if err := errors.Join(fs.MkdirAll(Dir(testData)), disk.WriteFileSync(fs, Path(testData, 0), file)); err != nil {
			t.Fatal(err)
		}
		if _, err := Recover(fs, testData, d, testBoot); err != nil {
			t.Fatal(err)
		}
	})
}
