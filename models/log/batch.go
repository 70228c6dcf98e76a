package log

import "github.com/ceteris/ceteris/models/disk"

// Batch opens or makes many logs, none of which is relied on before [Batch.Sync].
// A log alone takes three syncs, each a commit of the file system's journal; a
// batch takes one sync of the whole file system.
type Batch struct {
	d  *Dir
	fs disk.FS // d.fs: every log syncs for itself
}

// fewLogs is how many logs are synced one by one: syncing the file system also
// waits for what others have written to it.
const fewLogs = 16

// Batch begins one of n logs.
func (d *Dir) Batch(n int) *Batch {
	b := &Batch{d: d, fs: d.fs}
	if n > fewLogs {
		b.fs = disk.Unsynced(d.fs)
	}
	return b
}

// OpenLog is that of [Dir]. Several threads may call it.
func (b *Batch) OpenLog(topic string, index int32, id [16]byte, cfg Config) (*Log, error) {
	return b.d.openLog(b.fs, topic, index, id, cfg)
}

// Sync makes what the batch has made survive a loss of power.
func (b *Batch) Sync() error {
	if b.fs == b.d.fs {
		return nil
	}
	return b.d.fs.SyncAll(b.d.path)
}
