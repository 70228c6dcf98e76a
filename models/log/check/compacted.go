package check

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/models/batch"
)

// isCompacted reports whether the cleaner's checkpoint beside a partition's
// directory names the partition. Then records may be missing from its sealed
// segments, and batches may have none left.
func isCompacted(files fs.FS, dir string) bool {
	if _, system := files.(osFiles); system { // "." has a name too
		full, err := filepath.Abs(dir)
		if err != nil {
			return false
		}
		dir = full
	}
	topic, index, ok := partitionName(filepath.Base(dir))
	if !ok {
		return false
	}
	content, err := fs.ReadFile(files, filepath.Join(filepath.Dir(dir), "cleaner-offset-checkpoint"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(content)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == topic && f[1] == strconv.Itoa(int(index)) {
			return true
		}
	}
	return false
}

// compacted checks the records of a batch of which some may be missing.
func (w *walker) compacted(b []byte, h *batch.Header) {
	if h.Count < 0 || h.Count > h.LastOffsetDelta+1 {
		w.bad("%d records with last offset delta %d, want at most %d", h.Count, h.LastOffsetDelta, h.LastOffsetDelta+1)
		return
	}
	records, err := w.c.v.Records(b, h)
	if err != nil {
		w.bad("%v", err)
		return
	}
	maxTs, before, n := int64(-1), int32(-1), 0
	var r batch.Record
	for {
		more, err := records.Next(&r)
		if err != nil {
			w.bad("record %d: %v", n, err)
			return
		}
		if !more {
			break
		}
		if r.OffsetDelta <= before || r.OffsetDelta > h.LastOffsetDelta {
			w.bad("record %d has offset delta %d behind %d, the last is %d", n, r.OffsetDelta, before, h.LastOffsetDelta)
		}
		before = r.OffsetDelta
		maxTs = max(maxTs, h.BaseTimestamp+r.TimestampDelta)
		n++
	}
	if n > 0 && h.TimestampType() == batch.CreateTime && maxTs != h.MaxTimestamp {
		w.bad("largest record timestamp is %d, the header says %d", maxTs, h.MaxTimestamp)
	}
	w.batch.maxTs = h.MaxTimestamp
	w.maxTs = max(w.maxTs, h.MaxTimestamp)
}
