package conformance

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/modeltest"
)

// fullBytes is the room there is: enough to begin with, and for what a broker
// writes besides records.
const fullBytes = 4 << 20

// TestFull lets a broker run out of room in the middle of a load: appends are
// answered with KAFKA_STORAGE_ERROR, reads go on, and a restart with room has
// everything that was acknowledged.
func TestFull(t *testing.T) {
	for i, p := range []modeltest.Point{
		{Model: "tpc", Shards: 2},
		{Model: "tpc", Shards: 1, Set: []string{"network", "epoll", "durability", "power"}},
		{Model: "threadpool"},
		{Model: "threadpool", Set: []string{"threads", "goroutine", "durability", "power"}},
	} {
		for j, segment := range []string{"1073741824", "262144"} {
			if reduced && (i%2 == 1 || j == 0) {
				continue
			}
			t.Run(p.String()+"/device/segment "+segment, func(t *testing.T) {
				dir := t.TempDir()
				if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
					t.Skipf("a small file system cannot be mounted here: %v", err)
				}
				t.Cleanup(func() {
					if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
						t.Error(err)
					}
				})
				full(t, p, dir, segment, 0, func() {
					if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=64m"); err != nil {
						t.Fatal(err)
					}
				})
			})
		}
		if reduced {
			continue
		}
		t.Run(p.String()+"/file", func(t *testing.T) {
			full(t, p, t.TempDir(), "1073741824", fullBytes, func() {})
		})
	}
}

func full(t *testing.T, p modeltest.Point, dir, segment string, fileBytes uint64, relieve func()) {
	load := &modeltest.Load{Seed: 7, Producers: 2, Ahead: 5}
	child := p.StartChild(t, dir, "127.0.0.1:0", fileBytes)
	load.Prepare(t, child.Addr, "segment.bytes", segment)
	load.Run(child.Addr, 1<<62)
	for i, err := range load.Errors() {
		var refused modeltest.Refusal
		if !errors.As(err, &refused) || refused.Code != kerr.KafkaStorageError.Code {
			t.Fatalf("producer %d on a full disk: %v, want KAFKA_STORAGE_ERROR\n%s", i, err, child.Stderr())
		}
	}
	if load.Acked() < 1000 {
		t.Fatalf("only %d batches were taken into %d bytes", load.Acked(), fullBytes)
	}
	load.Verify(t, child.Addr)
	if err := child.Stop(t); err != nil && !strings.Contains(err.Error(), "load") {
		t.Errorf("stopping with a full disk: %v, want the partition named or success", err)
	}
	relieve()
	b, stop := p.Start(t, dir, "127.0.0.1:0")
	load.Verify(t, b.Addr())
	load.Run(b.Addr(), load.Acked()+500)
	for i, err := range load.Errors() {
		if err != nil {
			t.Errorf("producer %d with room again: %v", i, err)
		}
	}
	load.Verify(t, b.Addr())
	stop()
	modeltest.MustCheck(t, dir)
}
