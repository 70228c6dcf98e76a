package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ServeAdmin serves g over HTTP on addr (port 0: the kernel chooses) and returns
// the address it got. It has a goroutine of its own; scrapes wait for the
// broker's threads, never the other way round. stop closes the port and gives
// running scrapes two seconds to end.
//
//	GET  /metrics       Prometheus text
//	GET  /stages        HdrHistogram log since the start or the last reset
//	POST /stages/reset  start the stages anew
//	POST /workers/start sample where every thread's time goes, each ?every=
//	POST /workers/stop  end that and return the samples as CSV
//	POST /inject/stall  keep every thread that talks to clients from its work ?for=
func ServeAdmin(addr string, g *Registry) (bound string, stop func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("admin port: %w", err)
	}
	server := &http.Server{Handler: g.handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			// The broker serves on without its admin port.
			slog.Error("admin port stopped", "addr", l.Addr().String(), "error", err)
		}
	}()
	return l.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		<-done
		g.endSeries()
	}, nil
}

// handler is the admin port's routes.
func (g *Registry) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metricsHandler(g))
	mux.HandleFunc("GET /stages", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		// The client that went away in the middle is not our error.
		_ = g.Stages().WriteLog(w)
	})
	mux.HandleFunc("POST /stages/reset", func(w http.ResponseWriter, _ *http.Request) {
		g.ResetStages()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /workers/start", g.startSeries)
	mux.HandleFunc("POST /workers/stop", g.stopSeries)
	mux.HandleFunc("POST /inject/stall", g.serveStall)
	for pattern, h := range g.routes() {
		mux.Handle(pattern, h)
	}
	return mux
}
