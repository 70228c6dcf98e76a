package check

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
)

// fixture is a data directory as Kafka would leave it, written by the test
// itself: two segments of partition t-0.
//
//	segment 0: batches at offsets 0-1, 2-3, 4-5      index: the 2nd and 3rd
//	segment 6: batches at offsets 6-7, 8-9
type fixture struct {
	t    *testing.T
	root string
	part string
	at   map[int64]int64 // base offset -> position in its .log
	size map[int64]int64 // base offset -> bytes
}

const (
	seg0 = "logs/t-0/00000000000000000000"
	seg6 = "logs/t-0/00000000000000000006"
)

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, root: t.TempDir(), at: map[int64]int64{}, size: map[int64]int64{}}
	f.part = filepath.Join(f.root, "logs", "t-0")
	if err := os.MkdirAll(f.part, 0o755); err != nil {
		t.Fatal(err)
	}
	var first, second []byte
	for base := int64(0); base < 10; base += 2 {
		out := &first
		if base >= 6 {
			out = &second
		}
		b := batch.NewBuilder(base, int(base/2)) // every codec once
		b.LeaderEpoch = int32(base / 6)
		b.Append(1000+base*10, []byte("key"), make([]byte, 3000))
		b.Append(1000+base*10-5, nil, []byte("earlier"), batch.RecordHeader{Key: "h"})
		raw := b.Close()
		f.at[base], f.size[base] = int64(len(*out)), int64(len(raw))
		*out = append(*out, raw...)
	}
	f.put(seg0+".log", first)
	f.put(seg0+".index", append(indexEntry(3, f.at[2]), indexEntry(5, f.at[4])...))
	f.put(seg0+".timeindex", append(timeEntry(1020, 3), timeEntry(1040, 5)...))
	f.put(seg6+".log", second)
	f.put(seg6+".index", indexEntry(3, f.at[8]))
	f.put(seg6+".timeindex", timeEntry(1080, 3))
	f.put(seg6+".snapshot", snapshotFile(5))
	f.put(seg6+".txnindex", txnEntry(0, 2, 3))
	f.put("logs/t-0/leader-epoch-checkpoint", []byte("0\n2\n0 0\n1 6\n"))
	f.put("logs/t-0/partition.metadata", []byte("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n"))
	f.put("logs/meta.properties", []byte("#\nversion=1\ncluster.id=c\nnode.id=1\ndirectory.id=d\n"))
	f.put("logs/recovery-point-offset-checkpoint", []byte("0\n1\nt 0 10\n"))
	f.put("logs/log-start-offset-checkpoint", []byte("0\n0\n"))
	f.put("logs/.kafka_cleanshutdown", []byte(`{"version":0,"brokerEpoch":3}`))
	f.put("logs/.lock", nil)
	return f
}

func (f *fixture) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

func (f *fixture) put(name string, b []byte) {
	if err := os.WriteFile(f.path(name), b, 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) get(name string) []byte {
	b, err := os.ReadFile(f.path(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// edit rewrites a file.
func (f *fixture) edit(name string, change func([]byte) []byte) { f.put(name, change(f.get(name))) }

// editBatch changes the batch at an offset of segment 0 and makes its CRC right again.
func (f *fixture) editBatch(base int64, change func([]byte)) {
	f.edit(seg0+".log", func(b []byte) []byte {
		one := b[f.at[base] : f.at[base]+f.size[base]]
		change(one)
		binary.BigEndian.PutUint32(one[17:], batch.Checksum(one))
		return b
	})
}

func indexEntry(rel int32, pos int64) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(rel)), uint32(pos))
}

func timeEntry(ts int64, rel int32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, uint64(ts)), uint32(rel))
}

func txnEntry(version int16, first, last int64) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(version))
	for _, x := range []int64{7, first, last, 4} {
		b = binary.BigEndian.AppendUint64(b, uint64(x))
	}
	return b
}

// snapshotFile is the state of producer 7, whose last record is at an offset.
func snapshotFile(lastOffset int64) []byte {
	b := []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 1}
	b = binary.BigEndian.AppendUint64(b, 7)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, 9)
	b = binary.BigEndian.AppendUint64(b, uint64(lastOffset))
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint64(b, 1000)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint64(b, ^uint64(0))
	return sealSnapshot(b)
}

func sealSnapshot(b []byte) []byte {
	binary.BigEndian.PutUint32(b[2:], crc32.Checksum(b[6:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func line(name, format string, args ...any) string { return name + ": " + fmt.Sprintf(format, args...) }
