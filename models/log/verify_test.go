package log

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// verifyClosed holds the files of a closed log against what Kafka's dump tool
// asks of them, reading nothing but the files.
func verifyClosed(t failer, fs disk.FS, dir string) {
	t.Helper()
	names, err := fs.ReadDir(dir)
	if err != nil {
		t.Fatalf("%v", err)
	}
	next := int64(-1)
	var bases []int64
	for _, name := range names {
		base, suffix, ok := parseFile(name)
		if !ok {
			if !slices.Contains([]string{epochFile, metadataFile}, name) {
				t.Fatalf("%s: no file of a log", name)
			}
			continue
		}
		if suffix == ".log" {
			bases = append(bases, base)
			next = verifySegment(t, fs, dir, base, next)
		}
	}
	if len(bases) == 0 {
		t.Fatalf("%s: no segment", dir)
	}
	if next == bases[0] && len(names) == 3 {
		return // never written to: epochs, whose it is, and an empty .log
	}
	at := segmentPath(dir, next, ".snapshot")
	if _, err := DecodeSnapshot(content(t, fs, at)); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	epochs, err := DecodeEpochs(content(t, fs, filepath.Join(dir, epochFile)))
	if err != nil || len(epochs) > 0 && epochs[len(epochs)-1].Start > next {
		t.Fatalf("epochs %v of a log that ends at %d: %v", epochs, next, err)
	}
}

func content(t failer, fs disk.FS, path string) []byte {
	t.Helper()
	b, err := disk.ReadFile(fs, path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

// verifySegment checks one segment and returns the offset behind it. from is
// where it has to begin, -1 for anywhere.
func verifySegment(t failer, fs disk.FS, dir string, base, from int64) int64 {
	t.Helper()
	if from >= 0 && base != from {
		t.Fatalf("segment %d follows offset %d", base, from)
	}
	b := content(t, fs, segmentPath(dir, base, ".log"))
	next := base
	start := map[int64]int{}  // last offset -> position
	upTo := map[int64]int64{} // last offset -> largest timestamp of that batch
	var v batch.Validator
	for pos := 0; pos < len(b); {
		var h batch.Header
		if err := batch.Intact(b[pos:], &h); err != nil {
			t.Fatalf("segment %d, byte %d of %d: %v", base, pos, len(b), err)
		}
		maxTs, _, code := v.Walk(b[pos:pos+h.TotalLen()], &h)
		if code != 0 || maxTs != h.MaxTimestamp || h.BaseOffset != next {
			t.Fatalf("segment %d, byte %d: code %d, timestamp %d of %d, offset %d for %d", base, pos, code, maxTs, h.MaxTimestamp, h.BaseOffset, next)
		}
		start[h.LastOffset()], upTo[h.LastOffset()] = pos, maxTs
		next = h.LastOffset() + 1
		pos += h.TotalLen()
	}
	if names, _ := fs.ReadDir(dir); len(b) == 0 && !slices.Contains(names, fmt.Sprintf("%020d.index", base)) {
		return next // never written to
	}
	index := content(t, fs, segmentPath(dir, base, ".index"))
	for i := 0; i < len(index); i += offsetEntryBytes {
		last := base + int64(binary.BigEndian.Uint32(index[i:]))
		if pos, ok := start[last]; !ok || uint32(pos) != binary.BigEndian.Uint32(index[i+4:]) {
			t.Fatalf("segment %d, index entry %d: offset %d at %x, batch at %d, %v", base, i/offsetEntryBytes, last, index[i+4:i+8], pos, ok)
		}
	}
	verifyTimes(t, base, content(t, fs, segmentPath(dir, base, ".timeindex")), upTo)
	return next
}

func verifyTimes(t failer, base int64, times []byte, upTo map[int64]int64) {
	t.Helper()
	before, largest := int64(-1), int64(-1)
	for _, ts := range upTo {
		largest = max(largest, ts)
	}
	for i := 0; i < len(times); i += timeEntryBytes {
		ts, last := int64(binary.BigEndian.Uint64(times[i:])), base+int64(binary.BigEndian.Uint32(times[i+8:]))
		if got, ok := upTo[last]; !ok || got != ts || ts <= before {
			t.Fatalf("segment %d, time entry %d: timestamp %d at offset %d, batch has %d, %v; before %d", base, i/timeEntryBytes, ts, last, got, ok, before)
		}
		before = ts
	}
	if before != largest {
		t.Fatalf("segment %d: last time entry %d, largest timestamp %d", base, before, largest)
	}
}
