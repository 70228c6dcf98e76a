package busywork

import (
	"fmt"
	"net/http"
	"time"
)

// maxSlow bounds what a request can be made to take longer.
const maxSlow = time.Second

// ServeHTTP answers POST /inject/slow?by=500us on a broker's admin port: from now
// on that is the mean of what is added, in place of the setting's. The harness's
// self-test demands to see exactly that.
func (w *Work) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	by := r.URL.Query().Get("by")
	d, err := time.ParseDuration(by)
	if err != nil || d < 0 || d > maxSlow {
		http.Error(rw, fmt.Sprintf("by: expected a duration from 0s to %v, got %q", maxSlow, by), http.StatusBadRequest)
		return
	}
	w.meanNs.Store(int64(d))
	rw.WriteHeader(http.StatusNoContent)
}
