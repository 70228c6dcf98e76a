package log

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ceteris/ceteris/models/disk"
)

// TestCreationCutShort pulls the plug after every operation of making a log, in
// the worst case and half way: the next start completes it.
func TestCreationCutShort(t *testing.T) {
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
			_, err = dir.OpenLog("topic", 0, testID, smallConfig())
			whole = err == nil
			mem.SetFault(nil)
			keeps := 0
			after := mem.CrashTorn(func() bool { keeps++; return torn>>(keeps%2)&1 == 1 })
			t.Run(fmt.Sprintf("%d operations, %d", at, torn), func(t *testing.T) {
				s := start(t, after, smallConfig())
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
