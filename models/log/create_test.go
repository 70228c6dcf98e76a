package log

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ceteris/ceteris/models/disk"
)

// TestCreationCutShort pulls the plug after every operation of making a log, in
// the worst case and half way: the next start completes it.
func TestCreationCutShort(t *testing.T) {
	for _, logs := range []int{1, fewLogs + 1} {
		creationCutShort(t, logs)
	}
}

// creationCutShort makes so many logs at once.
func creationCutShort(t *testing.T, logs int) {
	errPlug := errors.New("the plug is pulled")
	for at := 0; ; at++ {
		whole := false
		for torn := range 4 {
			mem := disk.NewMem()
			dir, err := OpenDir(mem, testDir, testOptions)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			mem.SetFault(func(disk.Op) error {
				if n++; n > at {
					return errPlug
				}
				return nil
			})
			err = makeLogs(dir, logs)
			whole = err == nil
			mem.SetFault(nil)
			keeps := 0
			after := mem.CrashTorn(func() bool { keeps++; return torn>>(keeps%2)&1 == 1 })
			t.Run(fmt.Sprintf("%d logs, %d operations, %d", logs, at, torn), func(t *testing.T) {
				s := start(t, after, smallConfig())
				for i := range int32(logs - 1) {
					if _, err := s.dir.OpenLog("topic", i+1, testID, smallConfig()); err != nil {
						t.Fatal(err)
					}
				}
				s.put(records(1, 10, 1_700_000_000_000))
				if err := s.l.ActiveSegment().File.Sync(); err != nil {
					t.Fatal(err)
				}
				if s = start(t, after.Crash(), smallConfig()); s.l.EndOffset() != 1 {
					t.Fatalf("a record that was synced is gone: end %d, %+v", s.l.EndOffset(), s.l.Recovery)
				}
			})
		}
		if whole {
			return
		}
	}
}

// makeLogs makes logs as a batch.
func makeLogs(dir *Dir, logs int) error {
	b := dir.Batch(logs)
	for i := range int32(logs) {
		if _, err := b.OpenLog("topic", i, testID, smallConfig()); err != nil {
			return err
		}
	}
	return b.Sync()
}

// TestBatchIsDurable pulls the plug when a batch is over: everything that was made
// is there.
func TestBatchIsDurable(t *testing.T) {
	for _, logs := range []int{1, fewLogs, fewLogs + 1} {
		mem := disk.NewMem()
		dir, err := OpenDir(mem, testDir, testOptions)
		if err != nil {
			t.Fatal(err)
		}
		if err := makeLogs(dir, logs); err != nil {
			t.Fatal(err)
		}
		after := mem.Crash()
		for i := range logs {
			names, err := after.ReadDir(fmt.Sprintf("%s/topic-%d", testDir, i))
			for _, want := range []string{metadataFile, "00000000000000000000.log"} {
				if err != nil || !slices.Contains(names, want) {
					t.Fatalf("%d logs at once: log %d has %q (%v), %s is missing", logs, i, names, err, want)
				}
			}
		}
	}
}
