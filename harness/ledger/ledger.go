package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ceteris/ceteris/harness/result"
)

// File is the ledger's name, below the directory of results.
const File = "ledger.jsonl"

// Event is what happened to a run.
type Event string

// The events of a run.
const (
	Started  Event = "started"
	Resumed  Event = "resumed"
	Stopped  Event = "stopped" // in an orderly way before its end: can be resumed
	Failed   Event = "failed"
	Ended    Event = "ended"
	Reported Event = "reported"
)

// Entry is one line.
type Entry struct {
	T     string `json:"t"` // UTC, RFC 3339
	Event Event  `json:"event"`
	Run   string `json:"run"` // its directory, below that of the ledger

	// Of a run that starts or is resumed.
	Experiment       string `json:"experiment,omitempty"`
	ExperimentSHA256 string `json:"experiment_sha256,omitempty"`
	BinarySHA256     string `json:"binary_sha256,omitempty"`
	Revision         string `json:"git_revision,omitempty"`
	Dirty            bool   `json:"git_dirty,omitempty"`
	HostClass        string `json:"host_class,omitempty"`
	Planned          int    `json:"cells_planned,omitempty"` // blocks that are repeated come to them

	// Of one that came to an end of any kind: how many cells have a record and how
	// many of them count, and why it ended early.
	Cells int    `json:"cells,omitempty"`
	Valid int    `json:"cells_valid,omitempty"`
	Why   string `json:"why,omitempty"`

	// Of a report: the result's hash, what it says of each endpoint, and the headline.
	ResultHash string   `json:"result_hash,omitempty"`
	Verdicts   []string `json:"verdicts,omitempty"`
	Headline   string   `json:"headline,omitempty"`
}

// Place is the ledger's directory and a run's name in it.
func Place(dir string) (root, run string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	root = filepath.Dir(filepath.Dir(dir))
	run, err = filepath.Rel(root, dir)
	return root, filepath.ToSlash(run), err
}

// Start enters that the run in dir began, or goes on.
func Start(dir string, event Event, m *result.Manifest, cells int) error {
	return Append(dir, Entry{
		Event: event, Experiment: m.Experiment, ExperimentSHA256: m.ExperimentSHA256, BinarySHA256: m.BinarySHA256,
		Revision: m.Revision, Dirty: m.Dirty, HostClass: string(m.HostClass), Planned: cells,
	})
}

// Append enters what happened to the run in dir, in one write that is synced
// before it returns. A torn line that a crash has left is closed first, so that it
// spoils no other.
func Append(dir string, e Entry) error {
	root, run, err := Place(dir)
	if err != nil {
		return err
	}
	e.T, e.Run = time.Now().UTC().Format(time.RFC3339Nano), run
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	path := filepath.Join(root, File)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil && end > 0 {
		last := []byte{'\n'}
		if _, err := f.ReadAt(last, end-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return f.Sync()
}

// Read reads the entries below root, and how many lines could not be read. There
// are none where nothing was ever run.
func Read(root string) (entries []Entry, torn int, err error) {
	text, err := os.ReadFile(filepath.Join(root, File))
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil || e.Run == "" {
			torn++
			continue
		}
		entries = append(entries, e)
	}
	return entries, torn, nil
}
