package log

import (
	"path/filepath"

	"github.com/ceteris/ceteris/models/disk"
)

// Compacted is the offset up to which the log has been compacted, 0 when it never
// was. Any thread.
func (l *Log) Compacted() int64 { return l.compacted.Load() }

// BeginCompaction says that segments below end are about to be replaced by ones
// with gaps in their offsets. After a crash recovery takes a gap above the
// recovery point for a lost write, so that point is raised first: everything
// below end must have been synced. The log's place in the cleaner's checkpoint
// tells a reader of the files that gaps are to be expected. Blocks.
func (d *Dir) BeginCompaction(tp TP, end int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.recoveryPoints[tp] = max(d.recoveryPoints[tp], end)
	if err := d.writeOffsets(); err != nil {
		return err
	}
	d.cleaned[tp] = max(d.cleaned[tp], 0)
	return d.writeCleaned()
}

// EndCompaction says that a log has been compacted up to an offset. Blocks.
func (d *Dir) EndCompaction(tp TP, upTo int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cleaned[tp] = upTo
	if l := d.logs[tp]; l != nil {
		l.compacted.Store(upTo)
	}
	return d.writeCleaned()
}

func (d *Dir) writeCleaned() error {
	return disk.WriteFileAtomic(d.fs, filepath.Join(d.path, cleanerFile), EncodeOffsets(d.cleaned))
}
