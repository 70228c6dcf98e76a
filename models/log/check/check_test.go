package check

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/google/go-cmp/cmp"
)

// run checks path below the fixture and returns the lines, with paths made
// relative to it.
func (f *fixture) run(path string) []string {
	f.t.Helper()
	var out bytes.Buffer
	n, err := Check(f.path(path), &out)
	if err != nil {
		f.t.Fatal(err)
	}
	var lines []string
	for l := range strings.Lines(out.String()) {
		lines = append(lines, strings.TrimPrefix(strings.TrimSuffix(l, "\n"), f.root+"/"))
	}
	if n != len(lines) {
		f.t.Fatalf("%d problems in %d lines:\n%s", n, len(lines), out.String())
	}
	return lines
}

func TestSoundDirectory(t *testing.T) {
	f := newFixture(t)
	// What a crash may leave behind and recovery puts right is not a problem.
	f.put("logs/recovery-point-offset-checkpoint.tmp", []byte("half"))
	f.put(seg0+".log.deleted", []byte("gone"))
	f.put("logs/t-0/leader-epoch-checkpoint.tmp", nil)
	if err := os.Mkdir(f.path("logs/old-3.0123456789abcdef-delete"), 0o755); err != nil {
		t.Fatal(err)
	}
	paths := []string{".", "logs", "logs/t-0"}
	for _, s := range []string{".log", ".index", ".timeindex"} {
		paths = append(paths, seg0+s, seg6+s)
	}
	for _, s := range []string{"/t-0/leader-epoch-checkpoint", "/t-0/partition.metadata", "/meta.properties", "/log-start-offset-checkpoint"} {
		paths = append(paths, "logs"+s)
	}
	for _, p := range append(paths, seg6+".snapshot", seg6+".txnindex") {
		if lines := f.run(p); len(lines) > 0 {
			t.Errorf("%s:\n%s", p, strings.Join(lines, "\n"))
		}
	}
}

type damage struct {
	name string
	do   func(f *fixture)
	want func(f *fixture) []string
}

// TestEveryProblem damages one thing at a time and expects exactly its lines.
func TestEveryProblem(t *testing.T) {
	be := binary.BigEndian
	one := func(format string, args ...any) func(*fixture) []string {
		return func(*fixture) []string {
			return []string{line(format[:strings.Index(format, "|")], format[strings.Index(format, "|")+1:], args...)}
		}
	}
	write := func(name, content string) func(*fixture) { return func(f *fixture) { f.put(name, []byte(content)) } }
	cases := []damage{
		{"crc", func(f *fixture) {
			f.edit(seg0+".log", func(b []byte) []byte { b[f.at[2]+100] ^= 1; return b })
		}, func(f *fixture) []string {
			b := f.get(seg0 + ".log")[f.at[2]:f.at[4]]
			return []string{line(seg0+".log", "byte %d: CRC-32C is %08x, the header says %08x", f.at[2], batch.Checksum(b), be.Uint32(b[17:]))}
		}},
		{"base offset", func(f *fixture) {
			f.editBatch(0, func(b []byte) { be.PutUint64(b, 1) })
		}, func(f *fixture) []string {
			return []string{
				line(seg0+".log", "byte 0: batch has base offset 1, want 0"),
				line(seg0+".log", "byte %d: batch has base offset 2, want 3", f.at[2]),
			}
		}},
		{"gap to the next segment", func(f *fixture) {
			f.edit(seg0+".log", func(b []byte) []byte { return b[:f.at[4]] })
			f.edit(seg0+".index", func(b []byte) []byte { return b[:8] })
			f.edit(seg0+".timeindex", func(b []byte) []byte { return b[:12] })
		}, func(f *fixture) []string {
			return []string{line(seg0+".log", "byte %d: the segment ends before offset 4, the next one begins at 6", f.at[4])}
		}},
		{"leader epoch falls", func(f *fixture) {
			f.editBatch(2, func(b []byte) { be.PutUint32(b[12:], 4) })
		}, func(f *fixture) []string {
			return []string{line(seg0+".log", "byte %d: leader epoch is 0, that of an earlier batch 4", f.at[4])}
		}},
		{"header timestamp lies", func(f *fixture) {
			f.editBatch(2, func(b []byte) { be.PutUint64(b[35:], 5000) })
		}, func(f *fixture) []string {
			return []string{line(seg0+".log", "byte %d: largest record timestamp is 1020, the header says 5000", f.at[2])}
		}},
		{"last offset delta", func(f *fixture) {
			f.editBatch(4, func(b []byte) { be.PutUint32(b[23:], 0) })
		}, func(f *fixture) []string {
			return []string{
				line(seg0+".log", "byte %d: 2 records with last offset delta 0, want 1", f.at[4]),
				line(seg0+".log", "byte %d: the segment ends before offset 5, the next one begins at 6", f.at[4]+f.size[4]),
				line(seg0+".index", "byte 8: the batch at position %d ends at offset 4, the entry says 5", f.at[4]),
				line(seg0+".timeindex", "byte 12: no batch ends at offset 5, to which timestamp 1040 belongs"),
			}
		}},
		{"record offset", func(f *fixture) {
			f.editBatch(0, func(b []byte) { b[61+2+1+1] = 2 }) // the first record's offset delta, after its 2-byte length
		}, one(seg0 + ".log|byte 0: record 0 (offset 0): offset delta is not the record's position")},
		{"record payload", func(f *fixture) {
			f.editBatch(2, func(b []byte) { b[61] ^= 0xff })
		}, func(f *fixture) []string {
			return []string{line(seg0+".log", "byte %d: compressed records do not decompress", f.at[2])}
		}},
		{"zeros behind the last batch", func(f *fixture) {
			f.edit(seg6+".log", func(b []byte) []byte { return append(b, make([]byte, 4096)...) })
		}, func(f *fixture) []string {
			return []string{line(seg6+".log", "byte %d: 4096 bytes that begin with zeros follow the last batch, want the end of the file", f.at[8]+f.size[8])}
		}},
		{"a few bytes behind the last batch", func(f *fixture) {
			f.edit(seg6+".log", func(b []byte) []byte { return append(b, "noise"...) })
		}, func(f *fixture) []string {
			return []string{line(seg6+".log", "byte %d: 5 bytes are left, a batch has at least 61", f.at[8]+f.size[8])}
		}},
		{"last batch cut", func(f *fixture) {
			f.edit(seg6+".log", func(b []byte) []byte { return b[:len(b)-1] })
		}, func(f *fixture) []string {
			return []string{line(seg6+".log", "byte %d: batch has %d bytes, the file %d more", f.at[8], f.size[8], f.size[8]-1)}
		}},
		{"magic", func(f *fixture) {
			f.edit(seg6+".log", func(b []byte) []byte { b[16] = 1; return b })
		}, func(f *fixture) []string {
			return []string{line(seg6+".log", "byte 0: magic is 1, want 2; the remaining %d bytes are not read", f.at[8]+f.size[8])}
		}},
		{"length", func(f *fixture) {
			f.edit(seg6+".log", func(b []byte) []byte { be.PutUint32(b[8:], 20); return b })
		}, func(f *fixture) []string {
			return []string{line(seg6+".log", "byte 0: batch length is 20, want at least 49; the remaining %d bytes are not read", f.at[8]+f.size[8])}
		}},

		{"index offset", func(f *fixture) {
			f.put(seg0+".index", append(indexEntry(2, f.at[2]), indexEntry(5, f.at[4])...))
		}, func(f *fixture) []string {
			return []string{line(seg0+".index", "byte 0: the batch at position %d ends at offset 3, the entry says 2", f.at[2])}
		}},
		{"index position", func(f *fixture) {
			f.put(seg0+".index", append(indexEntry(3, f.at[2]+1), indexEntry(5, f.at[4])...))
		}, func(f *fixture) []string {
			return []string{line(seg0+".index", "byte 0: no batch starts at position %d, where offset 3 should be", f.at[2]+1)}
		}},
		{"index beyond the log", func(f *fixture) {
			f.put(seg6+".index", append(indexEntry(3, f.at[8]), indexEntry(5, 1<<20)...))
		}, func(f *fixture) []string {
			return []string{line(seg6+".index", "byte 8: position 1048576, where offset 11 should be, is not in the %d bytes of batches", f.at[8]+f.size[8])}
		}},
		{"index order", func(f *fixture) {
			f.put(seg0+".index", append(indexEntry(5, f.at[4]), indexEntry(3, f.at[2])...))
		}, func(f *fixture) []string {
			return []string{line(seg0+".index", "byte 8: offset 3 at position %d does not follow offset 5 at position %d", f.at[2], f.at[4])}
		}},
		{"index length", func(f *fixture) {
			f.edit(seg0+".index", func(b []byte) []byte { return append(b, 1, 2, 3) })
		}, one(seg0 + ".index|byte 16: 3 bytes follow the last entry; want entries of 8")},
		{"index padded in a sealed segment", func(f *fixture) {
			f.edit(seg0+".index", func(b []byte) []byte { return append(b, make([]byte, 80)...) })
		}, one(seg0 + ".index|byte 16: 80 bytes of zeros, want none in a sealed segment")},
		{"index zero in the middle", func(f *fixture) {
			f.edit(seg0+".index", func(b []byte) []byte { return append(b, indexEntry(0, 99)...) })
		}, one(seg0 + ".index|byte 16: entry for relative offset 0 behind others; readers stop here")},
		{"index missing", func(f *fixture) {
			_ = os.Remove(f.path(seg0 + ".index"))
		}, one(seg0 + ".index|missing; a sealed segment has one")},
		{"index without log", func(f *fixture) {
			f.put("logs/t-0/00000000000000000099.index", nil)
		}, one("logs/t-0/00000000000000000099.index|there is no 00000000000000000099.log beside it")},

		{"timeindex timestamp", func(f *fixture) {
			f.put(seg0+".timeindex", append(timeEntry(1021, 3), timeEntry(1040, 5)...))
		}, one(seg0 + ".timeindex|byte 0: the batch that ends at offset 3 has largest timestamp 1020, the entry says 1021")},
		{"timeindex offset", func(f *fixture) {
			f.put(seg0+".timeindex", append(timeEntry(1020, 2), timeEntry(1040, 5)...))
		}, one(seg0 + ".timeindex|byte 0: no batch ends at offset 2, to which timestamp 1020 belongs")},
		{"timeindex beyond the log", func(f *fixture) {
			f.edit(seg6+".timeindex", func(b []byte) []byte { return append(b, timeEntry(2000, 9)...) })
		}, one(seg6 + ".timeindex|byte 12: no batch ends at offset 15, to which timestamp 2000 belongs")},
		{"timeindex order", func(f *fixture) {
			f.put(seg0+".timeindex", join(timeEntry(1020, 3), timeEntry(1020, 4), timeEntry(1040, 5)))
		}, one(seg0 + ".timeindex|byte 12: timestamp 1020 of offset 4 does not follow timestamp 1020 of offset 3")},
		{"timeindex length", func(f *fixture) {
			f.edit(seg0+".timeindex", func(b []byte) []byte { return append(b, 1) })
		}, one(seg0 + ".timeindex|byte 24: 1 bytes follow the last entry; want entries of 12")},
		{"timeindex padded in a sealed segment", func(f *fixture) {
			f.edit(seg0+".timeindex", func(b []byte) []byte { return append(b, make([]byte, 24)...) })
		}, one(seg0 + ".timeindex|byte 24: 24 bytes of zeros, want none in a sealed segment")},
		{"timeindex without the maximum", func(f *fixture) {
			f.put(seg0+".timeindex", timeEntry(1020, 3))
		}, one(seg0 + ".timeindex|byte 0: the last entry has timestamp 1020, the largest of the sealed segment is 1040")},
		{"timeindex empty", func(f *fixture) {
			f.put(seg0+".timeindex", nil)
		}, one(seg0 + ".timeindex|byte 0: no entries; that of a sealed segment ends with its largest timestamp, 1040")},

		{"snapshot short", write(seg6+".snapshot", "\x00\x01"), one(seg6 + ".snapshot|byte 0: 2 bytes, a snapshot has at least 10")},
		{"snapshot version", func(f *fixture) {
			f.edit(seg6+".snapshot", func(b []byte) []byte { b[1] = 2; return b })
		}, one(seg6 + ".snapshot|byte 0: version is 2, want 1")},
		{"snapshot crc", func(f *fixture) {
			f.edit(seg6+".snapshot", func(b []byte) []byte { b[2], b[3], b[4], b[5] = 1, 2, 3, 4; return b })
		}, func(f *fixture) []string {
			return []string{line(seg6+".snapshot", "byte 2: CRC-32C of the content is %08x, the file says 01020304", be.Uint32(snapshotFile(5)[2:]))}
		}},
		{"snapshot count", func(f *fixture) {
			f.edit(seg6+".snapshot", func(b []byte) []byte { b[9] = 2; return sealSnapshot(b) })
		}, one(seg6 + ".snapshot|byte 6: 2 entries would be 102 bytes, the file has 56")},
		{"snapshot producer", func(f *fixture) {
			f.edit(seg6+".snapshot", func(b []byte) []byte { b[10] = 0x80; return sealSnapshot(b) })
		}, one(seg6 + ".snapshot|byte 10: producer id -9223372036854775801 with epoch 0; neither may be negative")},
		{"snapshot from the future", func(f *fixture) {
			f.put(seg6+".snapshot", snapshotFile(6))
		}, one(seg6 + ".snapshot|byte 10: last offset 6 of producer 7 is not below the snapshot's offset 6")},

		{"txnindex version", func(f *fixture) {
			f.put(seg6+".txnindex", join(txnEntry(0, 1, 2), txnEntry(1, 1, 2)))
		}, one(seg6 + ".txnindex|byte 34: version is 1, want 0")},
		{"txnindex length", func(f *fixture) {
			f.edit(seg6+".txnindex", func(b []byte) []byte { return append(b, 9) })
		}, one(seg6 + ".txnindex|byte 34: 1 bytes follow the last entry; want entries of 34")},
		{"txnindex offsets", func(f *fixture) {
			f.put(seg6+".txnindex", txnEntry(0, 3, 2))
		}, one(seg6 + ".txnindex|byte 0: aborted transaction from offset 3 to 2")},

		{"stray file", write("logs/t-0/notes.txt", ""), one("logs/t-0/notes.txt|does not belong in a partition's directory")},
		{"short name", write("logs/t-0/0.log", ""), one("logs/t-0/0.log|does not belong in a partition's directory")},
		{"stray file among partitions", write("logs/raft.db", ""), one("logs/raft.db|does not belong in a log directory")},
		{"stray directory", func(f *fixture) {
			_ = os.Mkdir(f.path("logs/t-00"), 0o755)
		}, one("logs/t-00|a log directory has no directory of this name; want <topic>-<partition>")},
		{"directory in a partition", func(f *fixture) {
			_ = os.Mkdir(f.path("logs/t-0/x"), 0o755)
		}, one("logs/t-0/x|a partition has no directories")},
	}
	for _, c := range append(cases, textDamage()...) {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			c.do(f)
			if diff := cmp.Diff(c.want(f), f.run(".")); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// textDamage is the damage to text files: file, content, the one line expected.
func textDamage() (out []damage) {
	const (
		epochs = "logs/t-0/leader-epoch-checkpoint"
		meta   = "logs/t-0/partition.metadata"
		rp     = "logs/recovery-point-offset-checkpoint"
		props  = "logs/meta.properties"
		clean  = "logs/.kafka_cleanshutdown"
	)
	for _, d := range [][3]string{
		{epochs, "", `line 1: version is "", want 0`},
		{epochs, "1\n0\n", `line 1: version is "1", want 0`},
		{epochs, "0", `line 2: no count of entries`},
		{epochs, "0\nx\n", `line 2: "x" is not a count of entries`},
		{epochs, "0\n2\n0 0\n", `line 2: 2 entries are stated, 1 lines follow`},
		{epochs, "0\n1\n0 0", `line 3: the file does not end with a line feed`},
		{epochs, "0\n1\n0 0 0\n", `line 3: "0 0 0" has 3 fields, want 2`},
		{epochs, "0\n1\n0 -1\n", `line 3: "0 -1" is not an epoch and its start offset`},
		{epochs, "0\n2\n1 0\n1 6\n", `line 4: epoch 1 from offset 6 does not follow epoch 1 from offset 0`},
		{epochs, "0\n2\n1 6\n2 6\n", `line 4: epoch 2 from offset 6 does not follow epoch 1 from offset 6`},
		{meta, "version: 1\n", `line 1: got "version: 1", want "version: 0"`},
		{meta, "version: 0\n", `1 lines, want 2`},
		{meta, "version: 0\nid: x\n", `line 2: got "id: x", want "topic_id: " and an id`},
		{meta, "version: 0\ntopic_id: short\n", `line 2: "short" is not a topic id: want 22 characters of URL-safe base64, not all zero`},
		{meta, "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n", `line 2: "AAAAAAAAAAAAAAAAAAAAAA" is not a topic id: want 22 characters of URL-safe base64, not all zero`},
		{rp, "0\n1\nt x 1\n", `line 3: "x" is not a partition`},
		{rp, "0\n1\nt 0 -1\n", `line 3: "-1" is not an offset`},
		{rp, "0\n1\n? 0 1\n", `line 3: "?" is not a topic`},
		{rp, "0\n2\nt 0 1\nt 0 2\n", `line 4: partition t-0 is there twice`},
		{props, "version=1\ncluster.id=c\nnode.id=1\n", `directory.id is missing`},
		{props, "version=0\ncluster.id=c\nnode.id=1\ndirectory.id=d\n", `version is "0", want 1`},
		{props, "version=1\ncluster.id=c\nnode.id=one\ndirectory.id=d\n", `node.id is "one", want a number`},
		{props, "version=1\ncluster.id=c\nnode.id=1\ndirectory.id=d\nwhat\n", `line 5: "what" is not key=value`},
		{clean, "yes", `not JSON: invalid character 'y' looking for beginning of value`},
		{clean, "{}", `got {}, want {"version":0,"brokerEpoch":N}`},
	} {
		out = append(out, damage{
			filepath.Base(d[0]) + ": " + d[2],
			func(f *fixture) { f.put(d[0], []byte(d[1])) },
			func(*fixture) []string { return []string{line(d[0], "%s", d[2])} },
		})
	}
	return out
}

func join(p ...[]byte) []byte { return bytes.Join(p, nil) }

// TestLastSegmentMayBePreallocated: a broker that still runs pads its indexes.
func TestLastSegmentMayBePreallocated(t *testing.T) {
	f := newFixture(t)
	f.edit(seg6+".index", func(b []byte) []byte { return append(b, make([]byte, 80)...) })
	f.edit(seg6+".timeindex", func(b []byte) []byte { return append(b, make([]byte, 120)...) })
	if lines := f.run("."); len(lines) > 0 {
		t.Fatal(lines)
	}
}

func TestSingleFileReportsOnlyItself(t *testing.T) {
	f := newFixture(t)
	f.edit(seg0+".log", func(b []byte) []byte { b[100] ^= 1; return b })
	f.put(seg0+".index", nil)
	f.put(seg0+".timeindex", timeEntry(7, 3))
	if lines := f.run(seg0 + ".index"); len(lines) > 0 {
		t.Errorf("index: %q", lines)
	}
	if lines := f.run(seg0 + ".timeindex"); len(lines) != 2 || !strings.Contains(lines[0], "the entry says 7") {
		t.Errorf("timeindex: %q", lines)
	}
	if lines := f.run(seg0 + ".log"); len(lines) != 1 || !strings.Contains(lines[0], "CRC-32C") {
		t.Errorf("log: %q", lines)
	}
	if err := os.Remove(f.path(seg0 + ".log")); err != nil {
		t.Fatal(err)
	}
	want := []string{line(seg0+".timeindex", "there is no 00000000000000000000.log beside it")}
	if diff := cmp.Diff(want, f.run(seg0+".timeindex")); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeChecked(t *testing.T) {
	f := newFixture(t)
	f.put("cat.jpg", nil)
	if err := os.Mkdir(f.path("empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"cat.jpg", "empty", "absent"} {
		if n, err := Check(f.path(p), &bytes.Buffer{}); err == nil || n != 0 || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %d problems, error %v", p, n, err)
		}
	}
	if _, err := Check(f.root, failing{}); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	f.put("logs/x", nil)
	if _, err := Check(f.root, failing{}); err != os.ErrClosed {
		t.Errorf("output fails: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestNoiseIsBounded: a file of noise gives a bounded report that says how much
// is not shown.
func TestNoiseIsBounded(t *testing.T) {
	f := newFixture(t)
	var noise []byte
	for i := range int32(500) {
		noise = append(noise, indexEntry(1000-i, 5)...)
	}
	f.put(seg6+".index", noise)
	var out bytes.Buffer
	n, err := Check(f.root, &out)
	if err != nil || n != 500 {
		t.Fatalf("%d problems, %v", n, err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != maxPerFile+1 || !strings.Contains(out.String(), ".index: 400 more problems\n") {
		t.Fatalf("%d lines:\n%s", lines, out.String())
	}
}

// TestDamageNeverPanics flips bytes of every file at random. No outcome is
// prescribed; the seed is printed when the checker panics or fails.
func TestDamageNeverPanics(t *testing.T) {
	f := newFixture(t)
	files, _ := filepath.Glob(f.part + "/*")
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		name := files[r.IntN(len(files))]
		was, _ := os.ReadFile(name)
		b := bytes.Clone(was)
		for range 1 + r.IntN(4) {
			if len(b) > 0 {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
		}
		b = b[:r.IntN(len(b)+1)]
		_ = os.WriteFile(name, b, 0o644)
		t.Logf("seed %d: %s cut to %d bytes", seed, filepath.Base(name), len(b))
		if _, err := Check(f.root, &bytes.Buffer{}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		_ = os.WriteFile(name, was, 0o644)
	}
}
