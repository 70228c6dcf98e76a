package result

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Events of the journal.
const (
	EventRunStart   = "run-start"
	EventRunResume  = "run-resume"
	EventRunStop    = "run-stop" // interrupted or out of budget: resumable
	EventRunDone    = "run-done"
	EventRunNarrow  = "run-narrow" // its intervals were narrow enough before the plan's end
	EventCellStart  = "cell-start"
	EventCellDone   = "cell-done"
	EventCellFailed = "cell-failed"
	EventGate       = "gate"
	// EventBlockRepeat adds a block to the plan that runs another one again,
	// because it was disturbed. Its detail is a [Repeat].
	EventBlockRepeat = "block-repeat"
)

// Event is one line of journal.jsonl.
type Event struct {
	T      string `json:"t"` // UTC, RFC 3339
	Event  string `json:"event"`
	Cell   string `json:"cell,omitempty"` // [PlannedCell.Key]
	Detail string `json:"detail,omitempty"`
}

// Journal appends events to a run's journal. One goroutine writes.
type Journal struct{ f *os.File }

// OpenJournal opens the journal for appending, for one process at a time. A torn last
// line, left by a crash, is cut off first; a damaged line before the last is an error,
// because only the end of an append-only file can be torn.
func OpenJournal(dir string) (*Journal, []Event, error) {
	path := filepath.Join(dir, "journal.jsonl")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, err
	}
	free, err := lock(f)
	if err == nil && !free {
		err = fmt.Errorf("%s: another process is running this experiment", dir)
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	events, good, err := parseJournal(path, b)
	if err == nil {
		err = f.Truncate(int64(good))
	}
	if err == nil {
		_, err = f.Seek(int64(good), 0)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return &Journal{f: f}, events, nil
}

// ReadJournal reads the events of dir without changing anything.
func ReadJournal(dir string) ([]Event, error) {
	path := filepath.Join(dir, "journal.jsonl")
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	events, _, err := parseJournal(path, b)
	return events, err
}

// parseJournal returns the events and the length of the part that holds them.
func parseJournal(path string, b []byte) (events []Event, good int, err error) {
	for line := 1; good < len(b); line++ {
		end := bytes.IndexByte(b[good:], '\n')
		if end < 0 {
			return events, good, nil // no newline: the write was cut short
		}
		var e Event
		if err := json.Unmarshal(b[good:good+end], &e); err != nil {
			if good+end+1 == len(b) {
				return events, good, nil
			}
			return nil, 0, fmt.Errorf("%s:%d: %w", path, line, err)
		}
		events = append(events, e)
		good += end + 1
	}
	return events, good, nil
}

// Append writes one event and syncs it: what the journal says has happened,
// survives.
func (j *Journal) Append(event, cell, detail string) error {
	b, err := json.Marshal(Event{T: time.Now().UTC().Format(time.RFC3339Nano), Event: event, Cell: cell, Detail: detail})
	if err != nil {
		return err
	}
	if _, err := j.f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return j.f.Sync()
}

// Close closes the file.
func (j *Journal) Close() error { return j.f.Close() }

// Done returns the cells that ran to their end and need not run again.
func Done(events []Event) map[string]bool { return ended(events, false) }

// Ended returns the cells that have a record: those of [Done] and those that
// failed, which are kept and marked.
func Ended(events []Event) map[string]bool { return ended(events, true) }

func ended(events []Event, failed bool) map[string]bool {
	out := map[string]bool{}
	for _, e := range events {
		switch {
		case e.Event == EventCellDone, failed && e.Event == EventCellFailed:
			out[e.Cell] = true
		case e.Event == EventCellStart:
			// Started again, so an earlier end no longer counts.
			delete(out, e.Cell)
		}
	}
	return out
}

// retried returns the failures of cells that were started again after them.
func retried(events []Event) (out []Event) {
	failed := map[string]Event{}
	for _, e := range events {
		switch e.Event {
		case EventCellFailed:
			failed[e.Cell] = e
		case EventCellStart:
			if was, ok := failed[e.Cell]; ok {
				out = append(out, was)
				delete(failed, e.Cell)
			}
		}
	}
	return out
}
