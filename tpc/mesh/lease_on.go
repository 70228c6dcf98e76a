//go:build invariants

package mesh

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// lease is one reference's life: where it was made and whether it has ended.
type lease struct {
	site  string
	ended atomic.Int32 // shard+1 that released it, 0: none
}

// end marks the release; a copy of the value that is released again is caught
// here, on the thread that does it.
func (l *lease) end(at int) {
	if !l.ended.CompareAndSwap(0, int32(at)+1) {
		panic(fmt.Sprintf("mesh: shard %d releases a reference that shard %d has released; it was made at %s", at, l.ended.Load()-1, l.site))
	}
}

// leases are those that have not come home. A lock will do where everything is
// checked anyway.
type leases struct {
	mu  sync.Mutex
	all map[*lease]struct{}
}

func (s *leases) take() *lease {
	l := &lease{site: madeAt()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*lease]struct{}{}
	}
	s.all[l] = struct{}{}
	return l
}

func (s *leases) done(l *lease) {
	s.mu.Lock()
	delete(s.all, l)
	s.mu.Unlock()
}

func (s *leases) open() (sites []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.all {
		sites = append(sites, l.site)
	}
	slices.Sort(sites)
	return sites
}

// madeAt is the first place on the stack that is not the exchange's own code.
func madeAt() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.Contains(f.Function, "mesh.(*Exchange[") || !more {
			return fmt.Sprintf("%s %s:%d", f.Function, f.File, f.Line)
		}
	}
}
