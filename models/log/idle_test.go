package log

import (
	"os"
	"slices"
	"testing"

	"github.com/ceteris/ceteris/models/disk"
)

// TestIdleLogsCostNothingToClose counts what a log that nobody wrote to takes
// when it is closed and opened again, however many of those there are.
func TestIdleLogsCostNothingToClose(t *testing.T) {
	for name, written := range map[string]bool{"never written": false, "written before": true} {
		t.Run(name, func(t *testing.T) {
			mem := disk.NewMem()
			s := start(t, mem, smallConfig())
			if written {
				s.put(records(3, 50, 1_700_000_000_000))
			}
			s.stop()
			s = start(t, mem, smallConfig())
			if r := s.l.Recovery; r.Unclean || r.RebuiltIndexes != 0 {
				t.Fatalf("after a clean end: %+v", r)
			}
			var ops []disk.Op
			mem.SetFault(func(op disk.Op) error { ops = append(ops, op); return nil })
			if err := s.l.Close(mem); err != nil || len(ops) != 0 {
				t.Fatalf("closing a log as it was opened: %v, operations %v", err, ops)
			}
			mem.SetFault(nil)
			if err := s.dir.Close(true); err != nil {
				t.Fatal(err)
			}
			s = start(t, mem.Crash(), smallConfig())
			if r := s.l.Recovery; r.Unclean || r.RebuiltIndexes != 0 || (s.l.EndOffset() > 0) != written {
				t.Fatalf("after the plug was pulled: end %d, %+v", s.l.EndOffset(), r)
			}
		})
	}
}

// TestOneSyncForAllLogs shows that closing a log that was written to syncs
// nothing by itself, and that the directory's marker comes after the one sync.
func TestOneSyncForAllLogs(t *testing.T) {
	mem := disk.NewMem()
	s := start(t, mem, smallConfig())
	s.put(records(3, 50, 1_700_000_000_000))
	var kinds []string
	mem.SetFault(func(op disk.Op) error { kinds = append(kinds, op.Kind); return nil })
	if err := s.l.Close(mem); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(kinds, "sync") || slices.Contains(kinds, "syncdir") {
		t.Fatalf("closing one log syncs: %v", kinds)
	}
	kinds = nil
	marked := false
	mem.SetFault(func(op disk.Op) error {
		if op.Kind == "syncall" && !marked {
			kinds = append(kinds, op.Kind)
			return os.ErrPermission
		}
		marked = marked || op.Kind == "open"
		return nil
	})
	if err := s.dir.Close(true); err == nil || len(kinds) != 1 || marked {
		t.Fatalf("a failed sync: %v, %d of 1 seen, marked %v", err, len(kinds), marked)
	}
	mem.SetFault(nil)
	if r := start(t, mem.Kill(), smallConfig()).l.Recovery; !r.Unclean {
		t.Fatal("the directory counts as clean though its sync failed")
	}
}
