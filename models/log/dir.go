package log

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/ceteris/ceteris/models/disk"
)

// Files of a log directory beside the partitions' own directories.
const (
	metaFile          = "meta.properties"
	cleanFile         = ".kafka_cleanshutdown"
	recoveryPointFile = "recovery-point-offset-checkpoint"
	startOffsetFile   = "log-start-offset-checkpoint"
	cleanerFile       = "cleaner-offset-checkpoint"
	metadataFile      = "partition.metadata"
)

// PartitionRef is a partition found in a log directory.
type PartitionRef struct {
	TP
	ID [16]byte // topic id
}

// DirOptions say whose directory it must be. What a new one gets.
type DirOptions struct {
	ClusterID   string
	NodeID      int32
	DirectoryID string // a new directory's id; empty: random
}

// Dir is a log directory held by this process. Its methods block and may be
// called by several threads: recovery opens logs in parallel.
type Dir struct {
	fs      disk.FS
	path    string
	options DirOptions
	release func()
	clean   bool

	mu             sync.Mutex
	recoveryPoints map[TP]int64
	startOffsets   map[TP]int64
	cleaned        map[TP]int64 // offset up to which a log has been compacted
	logs           map[TP]*Log
	closed         bool
}

// OpenDir takes the directory's lock, creates what is missing and checks that
// the directory belongs to this cluster and node. The clean-shutdown marker is
// removed right away, so that a crash from here on is one.
func OpenDir(fs disk.FS, path string, o DirOptions) (*Dir, error) {
	if err := makeDir(fs, path); err != nil {
		return nil, fmt.Errorf("log directory %s cannot be created: %w", path, err)
	}
	lock := disk.LockDir
	if own, ok := fs.(disk.Locker); ok {
		lock = own.LockDir
	}
	release, err := lock(path)
	if err != nil {
		return nil, fmt.Errorf("log %w", err)
	}
	d := &Dir{fs: fs, path: path, options: o, release: release, logs: map[TP]*Log{}}
	if err := d.open(); err != nil {
		release()
		return nil, err
	}
	return d, nil
}

// makeDir creates a directory, and what leads to it, so that it survives a loss
// of power.
func makeDir(fs disk.FS, path string) error {
	path = filepath.Clean(path)
	// The parent in any case: a process killed half way may have left it unsynced.
	changed := []string{filepath.Dir(path)}
	for p := filepath.Dir(path); ; p = filepath.Dir(p) {
		if _, err := fs.Stat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		changed = append(changed, filepath.Dir(p))
	}
	if err := fs.MkdirAll(path); err != nil {
		return err
	}
	for _, p := range changed {
		if err := fs.SyncDir(p); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dir) open() error {
	if err := d.checkMeta(); err != nil {
		return err
	}
	var err error
	if d.recoveryPoints, err = d.readOffsets(recoveryPointFile); err != nil {
		return err
	}
	if d.startOffsets, err = d.readOffsets(startOffsetFile); err != nil {
		return err
	}
	if d.cleaned, err = d.readOffsets(cleanerFile); err != nil {
		return err
	}
	names, err := d.fs.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("log directory %s: %w", d.path, err)
	}
	for _, name := range names {
		if deletedDir.MatchString(name) {
			if err := d.fs.RemoveAll(filepath.Join(d.path, name)); err != nil {
				return fmt.Errorf("log directory %s: a deletion cannot be finished: %w", d.path, err)
			}
		}
	}
	d.clean = slices.Contains(names, cleanFile)
	if d.clean {
		if err := d.fs.Remove(filepath.Join(d.path, cleanFile)); err != nil {
			return fmt.Errorf("log directory %s is not writable: %w", d.path, err)
		}
	}
	return d.fs.SyncDir(d.path)
}

// deletedDir is a partition on its way out: topic-partition.uuid-delete.
var deletedDir = regexp.MustCompile(`^\S+-\d+\.[0-9a-zA-Z_-]+-delete$`)

// checkMeta reads meta.properties, or writes it into a new directory.
func (d *Dir) checkMeta() error {
	name := filepath.Join(d.path, metaFile)
	b, err := disk.ReadFile(d.fs, name)
	if errors.Is(err, os.ErrNotExist) {
		if d.options.DirectoryID == "" {
			var id [16]byte
			rand.Read(id[:]) // never fails
			d.options.DirectoryID = EncodeTopicID(id)
		}
		if err := disk.WriteFileAtomic(d.fs, name, encodeProperties(d.options)); err != nil {
			return fmt.Errorf("log directory %s is not writable: %w", d.path, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("log directory %s: %w", d.path, err)
	}
	p := decodeProperties(b)
	if v := p["version"]; v != "1" {
		return fmt.Errorf("%s: version %q, want 1", name, v)
	}
	if v := p["cluster.id"]; v != d.options.ClusterID {
		return fmt.Errorf("%s: the directory belongs to cluster %q, this broker to %q", name, v, d.options.ClusterID)
	}
	if v := p["node.id"]; v != strconv.Itoa(int(d.options.NodeID)) {
		return fmt.Errorf("%s: the directory belongs to node %s, this broker is node %d", name, v, d.options.NodeID)
	}
	d.options.DirectoryID = p["directory.id"]
	return nil
}

func (d *Dir) readOffsets(file string) (map[TP]int64, error) {
	name := filepath.Join(d.path, file)
	b, err := disk.ReadFile(d.fs, name)
	if errors.Is(err, os.ErrNotExist) {
		return map[TP]int64{}, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := DecodeOffsets(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Path is the directory's path, FS what it lies on.
func (d *Dir) Path() string { return d.path }

// FS is the file system the directory lies on.
func (d *Dir) FS() disk.FS { return d.fs }

// Clean reports whether the directory was closed cleanly before it was opened.
func (d *Dir) Clean() bool { return d.clean }

// DirectoryID is the id in meta.properties.
func (d *Dir) DirectoryID() string { return d.options.DirectoryID }

// Partitions lists the partition directories, sorted by topic and index. A
// directory whose partition.metadata is missing or makes no sense is listed with a
// zero id; OpenLog says what is wrong with it. What the disk does not give is an
// error: it is not gone.
func (d *Dir) Partitions() ([]PartitionRef, error) {
	names, err := d.fs.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var out []PartitionRef
	for _, name := range names {
		tp, ok := ParseTP(name)
		if !ok {
			continue
		}
		ref := PartitionRef{TP: tp}
		b, err := disk.ReadFile(d.fs, filepath.Join(d.path, name, metadataFile))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("log %s: whose it is: %w", tp, err)
		}
		if err == nil {
			ref.ID, _ = DecodePartitionMetadata(b)
		}
		out = append(out, ref)
	}
	slices.SortFunc(out, func(a, b PartitionRef) int { return a.TP.compare(b.TP) })
	return out, nil
}

// Empty tells whether a partition's directory holds no record: its segments,
// if it has any, are zeros all through.
func (d *Dir) Empty(tp TP) (bool, error) {
	dir := filepath.Join(d.path, tp.String())
	names, err := d.fs.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if _, suffix, ok := parseFile(name); !ok || suffix != ".log" {
			continue
		}
		if zero, err := d.zeros(filepath.Join(dir, name)); !zero || err != nil {
			return false, err
		}
	}
	return true, nil
}

// zeros reads a file in pieces until one is not zero.
func (d *Dir) zeros(path string) (bool, error) {
	f, err := d.fs.Open(path, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer f.Close()
	piece := make([]byte, 64<<10)
	for off := int64(0); ; {
		n, err := f.ReadAt(piece, off)
		if slices.ContainsFunc(piece[:n], func(c byte) bool { return c != 0 }) {
			return false, nil
		}
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		off += int64(n)
	}
}

// OpenLog loads a partition's log, or creates it when there is none. Afterwards
// every segment's .log file exists; the shell opens those it needs and sets
// Segment.File. Log.Recovery tells what had to be mended. The error names the
// file at fault; the directory stays usable for other partitions.
func (d *Dir) OpenLog(topic string, index int32, id [16]byte, cfg Config) (*Log, error) {
	return d.openLog(d.fs, topic, index, id, cfg)
}

func (d *Dir) openLog(fs disk.FS, topic string, index int32, id [16]byte, cfg Config) (*Log, error) {
	tp := TP{topic, index}
	d.mu.Lock()
	_, twice := d.logs[tp]
	clean := d.clean
	recoveryPoint, start, compacted := d.recoveryPoints[tp], d.startOffsets[tp], d.cleaned[tp]
	closed := d.closed
	if !twice && !closed {
		d.logs[tp] = nil // taken
	}
	d.mu.Unlock()
	if closed || twice {
		return nil, fmt.Errorf("log %s: opened twice, or after its directory was closed", tp)
	}
	l := newLog(topic, index, id, filepath.Join(d.path, tp.String()), cfg)
	l.compacted.Store(compacted)
	o := opener{fs: fs, l: l, clean: clean, recoveryPoint: recoveryPoint, start: start}
	err := d.claim(fs, l, tp)
	if err == nil {
		err = o.open()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		delete(d.logs, tp)
		return nil, fmt.Errorf("log %s: %w", tp, err)
	}
	d.logs[tp] = l
	return l, nil
}

// claim makes sure that the log's directory exists and is this topic's.
// Names become durable when the log is open, all at once.
func (d *Dir) claim(fs disk.FS, l *Log, tp TP) error {
	name := filepath.Join(l.dir, metadataFile)
	b, err := disk.ReadFile(d.fs, name)
	if err == nil {
		id, err := DecodePartitionMetadata(b)
		switch {
		case err == nil && id == l.ID:
			return nil
		case err == nil:
			return fmt.Errorf("%s: the directory belongs to topic id %s, wanted is %s", name, EncodeTopicID(id), EncodeTopicID(l.ID))
		}
		// A loss of power amid a batch may have left a name without content.
		if empty, e := d.Empty(tp); e != nil || !empty {
			return errors.Join(e, fmt.Errorf("%s: %w", name, err))
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	names, err := d.fs.ReadDir(l.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, n := range names {
		if _, suffix, ok := parseFile(n); !ok || suffix != ".log" {
			continue
		}
		// Without a record it is what a crash has left of a creation.
		if empty, err := d.Empty(tp); err != nil || !empty {
			return errors.Join(err, fmt.Errorf("%s is missing beside %s: whose records these are cannot be told", name, n))
		}
	}
	if err := fs.MkdirAll(l.dir); err != nil {
		return err
	}
	if err := disk.WriteFileSync(fs, name+".tmp", partitionMetadata(l.ID)); err != nil {
		return err
	}
	return fs.Rename(name+".tmp", name)
}

// DeleteLogs removes partitions' directories and what the checkpoints say of
// them. The shell has stopped using the logs. All are renamed first, and that is
// made durable once, so the partitions are gone even when removing their files is
// cut short.
func (d *Dir) DeleteLogs(parts []TP) error {
	d.mu.Lock()
	for _, tp := range parts {
		delete(d.logs, tp)
		delete(d.recoveryPoints, tp)
		delete(d.startOffsets, tp)
		delete(d.cleaned, tp)
	}
	d.mu.Unlock()
	var errs []error
	var renamed []string
	for _, tp := range parts {
		var salt [16]byte
		rand.Read(salt[:])
		// Kafka's limit: the whole name has at most 255 bytes.
		suffix := fmt.Sprintf("-%d.%x-delete", tp.Index, salt)
		gone := filepath.Join(d.path, tp.Topic[:min(len(tp.Topic), 255-len(suffix))]+suffix)
		if err := d.fs.Rename(filepath.Join(d.path, tp.String()), gone); err == nil {
			renamed = append(renamed, gone)
		} else {
			errs = append(errs, unless(err, os.ErrNotExist))
		}
	}
	if len(renamed) == 0 {
		return errors.Join(errs...)
	}
	if err := d.fs.SyncDir(d.path); err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, gone := range renamed {
		errs = append(errs, d.fs.RemoveAll(gone))
	}
	return errors.Join(errs...)
}

// Checkpoint makes leader epochs, start offsets and recovery points durable.
// marks holds, per partition, the offset below which every record, and every
// file of every sealed segment, has been synced: recovery trusts it. Partitions
// that are not in it keep their recovery point.
func (d *Dir) Checkpoint(marks map[TP]int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, tp := range slices.SortedFunc(maps.Keys(d.logs), TP.compare) { // in an order that a simulation can repeat
		l := d.logs[tp]
		if l == nil {
			continue
		}
		if l.epochsOld.Load() && !l.closed.Load() {
			if err := l.writeEpochs(d.fs); err != nil {
				return err
			}
		}
		d.startOffsets[tp] = l.StartOffset()
		if mark, ok := marks[tp]; ok {
			d.recoveryPoints[tp] = mark
		}
	}
	return d.writeOffsets()
}

// writeOffsets writes both offset checkpoints. Unlike Kafka it names a start at
// a segment's base as well: retention's segments stay on disk for a while, and
// must not come back with a restart in that time.
func (d *Dir) writeOffsets() error {
	starts := map[TP]int64{}
	for tp, start := range d.startOffsets {
		if start > 0 {
			starts[tp] = start
		}
	}
	if err := disk.WriteFileAtomic(d.fs, filepath.Join(d.path, recoveryPointFile), EncodeOffsets(d.recoveryPoints)); err != nil {
		return err
	}
	return disk.WriteFileAtomic(d.fs, filepath.Join(d.path, startOffsetFile), EncodeOffsets(starts))
}

// Close gives the directory up. With clean, every opened log must have been
// closed, and the marker says so to the next start, which then reads nothing
// back. Without, it is as if the process had died. The lock is released either
// way.
func (d *Dir) Close(clean bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	defer d.release()
	if !clean {
		return nil
	}
	for tp, l := range d.logs {
		if l == nil || !l.closed.Load() {
			return fmt.Errorf("log directory %s: log %s is still open; the next start will recover", d.path, tp)
		}
		d.recoveryPoints[tp], d.startOffsets[tp] = l.EndOffset(), l.StartOffset()
	}
	// The marker vouches for every file of every log, which were closed without.
	if err := d.fs.SyncAll(d.path); err != nil {
		return err
	}
	if err := d.writeOffsets(); err != nil {
		return err
	}
	return disk.WriteFileAtomic(d.fs, filepath.Join(d.path, cleanFile), []byte(`{"version":0,"brokerEpoch":-1}`))
}
