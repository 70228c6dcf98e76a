package floor

import (
	"fmt"
	"net/http"
	"time"

	"github.com/ceteris/ceteris/models/telemetry"
)

// maxSlow bounds what a request can be made to take longer.
const maxSlow = time.Second

// serveSlow answers POST /inject/slow?by=500us: from now on every produce request
// takes that much of its shard's CPU time. The harness's self-test demands to see
// exactly that.
func (b *Broker) serveSlow(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("by"))
	if err != nil || d < 0 || d > maxSlow {
		http.Error(w, fmt.Sprintf("by: expected a duration from 0s to %v, got %q", maxSlow, r.URL.Query().Get("by")), http.StatusBadRequest)
		return
	}
	b.slowNs.Store(int64(d))
	w.WriteHeader(http.StatusNoContent)
}

// dawdle spends the injected time.
func (b *Broker) dawdle() {
	if n := b.slowNs.Load(); n > 0 {
		for until := telemetry.Now() + n; telemetry.Now() < until; {
		}
	}
}
