package staging

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
)

// world is a broker with two staging files, taken apart into single stores, one
// of which is its last.
type world struct {
	t      *rapid.T
	fs     *disk.Mem
	layout Layout
	areas  [2][]byte
	free   [2][]int
	parts  []*replica
	sizes  []int // of values
	left   int   // stores until the end
	dead   bool
}

// replica is a partition of it.
type replica struct {
	id       [16]byte
	tp       log.TP
	area     int
	segs     []*segment // the device writes to the first
	chunks   []*piece   // oldest first
	sent     []sentBatch
	next     int64 // offset
	acked    int64 // every batch below was acknowledged
	flushed  int64 // as an offset
	unstaged int64
	writing  int64 // position in the first segment up to which a device write is under way, 0 without one
	begun    bool  // the last batch of sent was being appended at the end
}

type segment struct {
	base, end, flushed int64
	made               bool
}

type piece struct {
	seg   *segment
	index int64
	area  int
	slot  int // -1: no place in a staging file
	mem   []byte
	clean bool
}

type sentBatch struct {
	base, last, segBase, pos int64
	bytes                    []byte
}

const (
	testData = "data"
	testBoot = "this start"
)

// TestNothingAcknowledgedIsLost appends, writes to the device, gives up chunks,
// rolls, and moves partitions between two staging files, until kill -9 comes
// between two bytes of any store, with any part of the device writes done. A
// recovery, cut short and done again, brings back everything that was
// acknowledged, and nothing that was not sent.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		p := w.parts[0]
		for !w.dead {
			switch rapid.SampledFrom([]string{"append", "append", "append", "append", "write", "done", "done", "other", "other", "seldom"}).Draw(rt, "what") {
			case "other":
				p = w.parts[rapid.IntRange(0, len(w.parts)-1).Draw(rt, "partition")]
			case "append":
				w.append(p)
			case "write":
				w.write(p)
			case "done":
				w.done(p)
			case "seldom":
				if rapid.Bool().Draw(rt, "roll") {
					w.roll(p)
				} else {
					w.move(p)
				}
			}
		}
		w.tear()
		w.check()
	})
}

func newWorld(rt *rapid.T) *world {
	w := &world{t: rt, fs: disk.NewMem(), layout: Layout{ChunkBytes: minChunkBytes, Slots: rapid.IntRange(1, 5).Draw(rt, "slots")}}
	w.left = rapid.IntRange(0, 2000).Draw(rt, "stores")
	// Sixteen batches of the one size fill a chunk: what lay somewhere before has
	// the place, the length and the offset of what comes next.
	w.sizes = rapid.SampledFrom([][]int{{954}, {954}, {10, 954, 3000, 40_000}}).Draw(rt, "sizes")
	d := openLogs(w.t, w.fs)
	for i := range 3 {
		p := &replica{tp: log.TP{Topic: "t", Index: int32(i)}, id: [16]byte{1}, area: i % 2, segs: []*segment{{made: true}}}
		if _, err := d.OpenLog("t", int32(i), p.id, log.DefaultConfig()); err != nil {
			rt.Fatal(err)
		}
		w.parts = append(w.parts, p)
	}
	if err := d.Close(false); err != nil {
		rt.Fatal(err)
	}
	for i := range w.areas {
		w.areas[i] = make([]byte, w.layout.Bytes())
		PutFile(w.areas[i], w.layout, testBoot)
		for slot := range w.layout.Slots {
			w.free[i] = append(w.free[i], slot)
		}
	}
	return w
}

func (p *replica) dir() string { return testData + "/logs/" + p.tp.String() }

// store copies b, or the first bytes of it when this is the last store.
func (w *world) store(to, b []byte) {
	if w.dead {
		return
	}
	if w.left == 0 {
		copy(to, b[:rapid.IntRange(0, len(b)).Draw(w.t, "bytes of the last store")])
		w.dead = true
		return
	}
	w.left--
	copy(to, b)
}

// chunk is the piece that pos of the last segment lies in, with room made for a
// new one where there is none.
func (w *world) chunk(p *replica, pos, entry, offset int64) *piece {
	seg, index := p.segs[len(p.segs)-1], pos/int64(w.layout.ChunkBytes)
	if n := len(p.chunks); n > 0 && p.chunks[n-1].seg == seg && p.chunks[n-1].index == index {
		return p.chunks[n-1]
	}
	for i := 0; len(w.free[p.area]) == 0 && i < len(w.parts); i++ {
		w.evict(w.parts[i], p.area)
	}
	k := &piece{seg: seg, index: index, area: p.area, slot: -1}
	if free := w.free[p.area]; len(free) > 0 {
		i := rapid.IntRange(0, len(free)-1).Draw(w.t, "slot")
		k.slot = free[i]
		w.free[p.area] = slices.Delete(free, i, i+1)
		k.mem = w.layout.Chunk(w.areas[p.area], k.slot)
		w.assign(p, k, entry, offset)
	} else {
		k.mem = make([]byte, w.layout.ChunkBytes)
	}
	p.chunks = append(p.chunks, k)
	return k
}

// assign is what an area does, store by store.
func (w *world) assign(p *replica, k *piece, entry, offset int64) {
	at := max(entry-k.index*int64(w.layout.ChunkBytes), 0)
	w.guard(k.mem, at)
	made := make([]byte, slotHeaderBytes)
	PutSlot(made, &Slot{
		Topic: p.id, Partition: p.tp.Index, SegBase: k.seg.base, Index: k.index, EntryPos: entry, EntryOffset: offset,
	})
	header := w.layout.Header(w.areas[k.area], k.slot)
	w.store(header, make([]byte, slotTopicAt))
	w.store(header[slotTopicAt:], made[slotTopicAt:])
	if !w.dead {
		copy(header, made)
	}
}

func (w *world) guard(mem []byte, at int64) {
	zeroed := slices.Clone(mem)
	Guard(zeroed, at)
	for i := range zeroed { // byte by byte is the worst order there is
		if zeroed[i] != mem[i] {
			w.store(mem[i:], zeroed[i:i+1])
		}
	}
}

// evict gives up the oldest clean chunk that p has in an area.
func (w *world) evict(p *replica, area int) {
	for len(p.chunks) > 0 && p.chunks[0].clean {
		k := p.chunks[0]
		p.chunks = p.chunks[1:]
		if k.slot >= 0 {
			w.free[k.area] = append(w.free[k.area], k.slot)
			if k.area == area {
				return
			}
		}
	}
}

func (w *world) append(p *replica) {
	if w.dead {
		return
	}
	seg := p.segs[len(p.segs)-1]
	b := batch.NewBuilder(0, 0)
	value := make([]byte, rapid.SampledFrom(w.sizes).Draw(w.t, "size"))
	for i := range value {
		value[i] = byte(len(p.sent)) + byte(p.tp.Index)<<6
	}
	for range len(w.sizes)/2 + 1 {
		b.Append(1000, nil, value)
	}
	raw := slices.Clone(b.Close())
	batch.SetOffsets(raw, p.next, 3)
	s := sentBatch{base: p.next, last: p.next + int64(b.Count()) - 1, segBase: seg.base, pos: seg.end, bytes: raw}
	end, size := seg.end+int64(len(raw)), int64(w.layout.ChunkBytes)
	p.sent = append(p.sent, s)
	p.begun = true
	survives := true
	for pos := seg.end; pos < end; pos = (pos/size + 1) * size {
		survives = w.chunk(p, pos, seg.end, p.next).slot >= 0 && survives
	}
	if end%size > 0 {
		w.guard(p.chunks[len(p.chunks)-1].mem, end%size)
	}
	for step := range Parts {
		from, to := Part(step, len(raw))
		w.put(p, seg, seg.end+int64(from), raw[from:to])
	}
	if w.dead {
		return
	}
	p.begun = false
	seg.end, p.next = end, s.last+1
	if !survives {
		p.unstaged = p.next
	}
	if max(p.acked, p.flushed) >= p.unstaged {
		p.acked = p.next
	}
}

func (w *world) put(p *replica, seg *segment, pos int64, b []byte) {
	for _, k := range p.chunks {
		if start := k.index * int64(w.layout.ChunkBytes); k.seg == seg && pos >= start && pos < start+int64(len(k.mem)) && len(b) > 0 {
			n := min(len(b), len(k.mem)-int(pos-start))
			w.store(k.mem[pos-start:], b[:n])
			b, pos = b[n:], pos+int64(n)
		}
	}
}

// write starts a device write of some or all that is dirty.
func (w *world) write(p *replica) {
	seg := p.segs[0]
	if p.writing > 0 || seg.flushed == seg.end {
		return
	}
	if !seg.made {
		seg.made = true
		p.poke(w, seg, 0, nil)
	}
	p.writing = seg.end
	if rapid.Bool().Draw(w.t, "a chunk only") {
		p.writing = min(seg.end, (seg.flushed/int64(w.layout.ChunkBytes)+1)*int64(w.layout.ChunkBytes))
	}
	for _, k := range p.chunks { // what goes to the device behind the end is zeros
		start := k.index * int64(w.layout.ChunkBytes)
		if at, stop := seg.end-start, blockEnd(seg.end)-start; k.seg == seg && at >= 0 && stop <= int64(len(k.mem)) {
			w.store(k.mem[at:], make([]byte, stop-at))
		}
	}
}

func blockEnd(pos int64) int64 { return (pos + disk.Align - 1) &^ (disk.Align - 1) }

// done ends it.
func (w *world) done(p *replica) {
	if p.writing == 0 {
		return
	}
	seg := p.segs[0]
	p.transfer(w, seg, seg.flushed, blockEnd(p.writing))
	seg.flushed, p.writing = p.writing, 0
	last := len(p.segs) == 1
	for _, k := range p.chunks {
		full := (k.index+1)*int64(w.layout.ChunkBytes) <= seg.flushed
		if k.seg == seg && !k.clean && (full || !last && seg.flushed == seg.end) {
			k.clean = true
			if k.slot >= 0 {
				ClearSlot(w.layout.Header(w.areas[k.area], k.slot))
			}
		}
	}
	for _, s := range p.sent {
		if s.segBase == seg.base && s.pos+int64(len(s.bytes)) <= seg.flushed {
			p.flushed = max(p.flushed, s.last+1)
		}
	}
	p.acked = max(p.acked, p.flushed)
	if !last && seg.flushed == seg.end {
		p.segs = p.segs[1:]
	}
}

// transfer is the device taking [from, to) of a segment.
func (p *replica) transfer(w *world, seg *segment, from, to int64) {
	for _, k := range p.chunks {
		start := k.index * int64(w.layout.ChunkBytes)
		if a, z := max(from, start), min(to, start+int64(len(k.mem))); k.seg == seg && a < z {
			p.poke(w, seg, a, k.mem[a-start:z-start])
		}
	}
}

func (p *replica) poke(w *world, seg *segment, at int64, b []byte) {
	f, err := w.fs.Open(log.SegmentPath(p.dir(), seg.base), os.O_RDWR|os.O_CREATE)
	if err == nil {
		_, err = f.WriteAt(b, at)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) roll(p *replica) {
	if seg := p.segs[len(p.segs)-1]; seg.end > 0 && !w.dead {
		p.segs = append(p.segs, &segment{base: p.next})
	}
}

// move hands a partition over to the other shard, when the device has all of it.
func (w *world) move(p *replica) {
	seg := p.segs[len(p.segs)-1]
	if w.dead || len(p.segs) > 1 || p.writing > 0 || seg.flushed < seg.end {
		return
	}
	old := p.chunks
	p.chunks, p.area = nil, 1-p.area
	drop := func() {
		for _, k := range old {
			if k.slot >= 0 && !w.dead {
				ClearSlot(w.layout.Header(w.areas[k.area], k.slot))
				w.free[k.area] = append(w.free[k.area], k.slot)
			}
		}
	}
	before := rapid.Bool().Draw(w.t, "given up before")
	if before {
		drop()
	}
	if tail := seg.end % int64(w.layout.ChunkBytes); tail > 0 {
		k := w.chunk(p, seg.end-1, seg.end, p.next)
		content, err := disk.ReadFile(w.fs, log.SegmentPath(p.dir(), seg.base))
		if err != nil {
			w.t.Fatal(err)
		}
		w.store(k.mem, content[seg.end-tail:seg.end])
	}
	if !before {
		drop()
	}
}

// tear leaves any part of the device writes that were under way.
func (w *world) tear() {
	for _, p := range w.parts {
		seg := p.segs[0]
		for at := seg.flushed &^ 511; p.writing > 0 && at < blockEnd(p.writing); at += 512 {
			if rapid.Bool().Draw(w.t, "sector") {
				p.transfer(w, seg, at, at+512)
			}
		}
	}
	for i := range w.areas {
		if err := w.fs.MkdirAll(Dir(testData)); err != nil {
			w.t.Fatal(err)
		}
		if err := disk.WriteFileSync(w.fs, Path(testData, i), w.areas[i]); err != nil {
			w.t.Fatal(err)
		}
	}
}

var errStop = errors.New("the recovery is cut short")

// check recovers, at the second attempt perhaps, and reads the logs.
func (w *world) check() {
	w.fs = w.fs.Kill()
	left := rapid.IntRange(0, 40).Draw(w.t, "operations of the first recovery")
	d := openLogs(w.t, w.fs)
	w.fs.SetFault(func(disk.Op) error {
		if left--; left < 0 {
			return errStop
		}
		return nil
	})
	if _, err := Recover(w.fs, testData, d, testBoot); err != nil && !errors.Is(err, errStop) {
		w.t.Fatal(err)
	}
	w.fs = w.fs.Kill()
	d = openLogs(w.t, w.fs)
	r, err := Recover(w.fs, testData, d, testBoot)
	if err != nil || r.Unknown > 0 || r.Foreign > 0 {
		w.t.Fatal(r, err)
	}
	for _, p := range w.parts {
		l, err := d.OpenLog(p.tp.Topic, p.tp.Index, p.id, log.DefaultConfig())
		if err != nil {
			w.t.Fatal(err)
		}
		if end := l.EndOffset(); end < p.acked || end > p.next && !(p.begun && end == p.sent[len(p.sent)-1].last+1) {
			w.t.Fatalf("%s ends at %d, acknowledged are %d, sent %d: %s", p.tp, end, p.acked, p.next, r)
		}
		if diff := p.compare(w.fs, l.EndOffset()); diff != "" {
			w.t.Fatalf("%s: %s", p.tp, diff)
		}
	}
}

// compare says how the files below end differ from what was sent.
func (p *replica) compare(fs disk.FS, end int64) string {
	for _, s := range p.sent {
		if s.base >= end {
			continue
		}
		content, err := disk.ReadFile(fs, log.SegmentPath(p.dir(), s.segBase))
		if err != nil {
			return err.Error()
		}
		if n := s.pos + int64(len(s.bytes)); n > int64(len(content)) || !bytes.Equal(content[s.pos:n], s.bytes) {
			return fmt.Sprintf("the batch at offset %d, position %d of segment %d is not what was sent", s.base, s.pos, s.segBase)
		}
	}
	return ""
}
