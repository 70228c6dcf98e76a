package tpc

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// told is a log that can be read while it is written.
type told struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *told) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *told) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// stallForATest keeps a shard from its loop for 30 ms of work.
//
//go:noinline
func stallForATest() {
	for end := time.Now().Add(30 * time.Millisecond); time.Now().Before(end); {
	}
}

// TestStallIsTold sets the threshold on the admin port, stalls a shard, and finds
// the culprit's name in the broker's log. A machine that is busy with others may
// keep the watch from seeing one stall, so it stalls until it is told.
func TestStallIsTold(t *testing.T) {
	log, was := &told{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, nil)))
	defer slog.SetDefault(was)
	b := start(t, t.TempDir())
	defer stop(t, b)
	admin, closeAdmin, err := telemetry.ServeAdmin("127.0.0.1:0", b.Telemetry())
	if err != nil {
		t.Fatal(err)
	}
	defer closeAdmin()
	resp, err := http.Post("http://"+admin+"/stall?threshold=5ms", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || strings.TrimSpace(string(body)) != "5ms" {
		t.Fatalf("setting the threshold: %q, %v", body, err)
	}
	for end := time.Now().Add(patience); !strings.Contains(log.String(), "stallForATest"); {
		if time.Now().After(end) {
			t.Fatalf("no report names the function:\n%s", log)
		}
		b.shards[1].r.Post(reactor.Func(stallForATest))
		time.Sleep(100 * time.Millisecond)
	}
	if !strings.Contains(log.String(), "shard 1") {
		t.Errorf("the report does not name shard 1:\n%s", log)
	}
}
