package reactor

import (
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/uring"
)

// TestStaleTaskrunFlag raises the kernel's flag for deferred work when there is
// none, as a race in the kernel does: the reactor must sleep all the same.
func TestStaleTaskrunFlag(t *testing.T) {
	if _, err := uring.Probe(); err != nil {
		t.Skipf("this kernel, or a container's seccomp filter, offers no io_uring: %v", err)
	}
	const taskrun = 1 << 2
	stale := false // the reactor's thread
	g := start(t, Options{Backend: BackendURing}, func(g *rig) {
		g.polls = func() bool {
			if stale {
				ring := reflect.ValueOf(g.r.be.(*uringBackend).ring).Elem()
				flags := (*uint32)(ring.FieldByName("sqFlags").UnsafePointer())
				atomic.StoreUint32(flags, atomic.LoadUint32(flags)|taskrun)
			}
			return false
		}
	})
	slept := int64(0)
	g.on(func() { stale, slept = true, g.r.Counters().Sleeps })
	deadline := time.Now().Add(10 * time.Second)
	for g.r.Snapshot().Sleeps == slept {
		if time.Now().After(deadline) {
			t.Fatalf("the reactor has not slept in 10 s and %d rounds", g.r.Snapshot().Rounds)
		}
		time.Sleep(time.Millisecond)
	}
	g.on(func() { stale = false })
}
