package conformance

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/modeltest"
)

// amidLives bounds how often a broker is started and killed until it has been amid
// what the test is about as often as it should.
const amidLives = 40

// opened checks that both models open a copy of what a kill has left.
func opened(t *testing.T, dir string, points [2]modeltest.Point, verify func(addr string)) {
	t.Helper()
	for _, p := range points {
		twin := t.TempDir()
		if err := os.CopyFS(twin, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		b, stop := p.Start(t, twin, "127.0.0.1:0")
		verify(b.Addr())
		stop()
		modeltest.MustCheck(t, twin)
	}
}

// TestKillAmidMoves kills a broker of three shards while partitions move between
// them under load. A request to move that has no answer was on its way. Both
// models open what is left, with everything that was acknowledged, and so does
// the next life.
func TestKillAmidMoves(t *testing.T) {
	for _, staging := range []string{"none", "shared"} {
		t.Run("staging="+staging, func(t *testing.T) {
			killAmidMoves(t, modeltest.Point{Model: "tpc", Shards: 3, Set: []string{"staging", staging}}, uint64(time.Now().UnixNano()))
		})
		if reduced {
			break
		}
	}
}

func killAmidMoves(t *testing.T, p modeltest.Point, seed uint64) {
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	load := &modeltest.Load{Seed: seed, Producers: 3, Ahead: 3}
	amid := 0
	for life := 0; amid < 3; life++ {
		if life == amidLives {
			t.Fatalf("seed %d: killed amid %d moves in %d lives", seed, amid, life)
		}
		child := p.StartChild(t, dir, "127.0.0.1:0", 0)
		if life == 0 {
			load.Prepare(t, child.Addr, "segment.bytes", "16384")
		} else {
			load.Verify(t, child.Addr)
		}
		ended, asked := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			load.Run(child.Addr, 1<<62)
		}()
		unanswered := make(chan error, 1)
		enough := 2 + rng.IntN(10)
		go func() {
			var err error
			for n := 0; err == nil; n++ {
				if n == enough {
					close(asked)
				}
				err = askMove(child.Admin, n%load.Producers, (n/load.Producers+n)%3)
			}
			unanswered <- err
		}()
		select {
		case <-asked:
		case err := <-unanswered:
			t.Fatalf("seed %d: life %d: %v\n%s", seed, life, err, child.Stderr())
		}
		time.Sleep(time.Duration(rng.IntN(4000)) * time.Microsecond)
		child.Kill(t)
		<-ended
		if err := <-unanswered; errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") {
			amid++
		}
		opened(t, dir, [2]modeltest.Point{{Model: "threadpool"}, {Model: "tpc", Shards: 2}}, func(addr string) { load.Verify(t, addr) })
	}
	for i, err := range load.Errors() {
		var refusal modeltest.Refusal
		if errors.As(err, &refusal) {
			t.Errorf("seed %d: producer %d: %v", seed, i, err)
		}
	}
}

// askMove asks for one live move. An error is the end of the broker, or a refusal.
func askMove(admin string, index, shard int) error {
	resp, err := http.Post(fmt.Sprintf("http://%s/move?topic=%s&partition=%d&shard=%d", admin, "load", index, shard), "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, said)
	}
	return err
}

// TestKillAmidCompaction kills a broker while it compacts the log that is written
// to. What the cleaner had not finished lies about in files of its own, which is
// how the test knows. Both models open what is left, and no key has lost the
// record that was acknowledged last.
func TestKillAmidCompaction(t *testing.T) {
	cleaning := []string{"log.cleaner.backoff.ms", "1", "log.segment.delete.delay.ms", "1", "log.flush.offset.checkpoint.interval.ms", "10", "log.retention.check.interval.ms", "100"}
	points := [2]modeltest.Point{{Model: "tpc", Shards: 2, Set: cleaning}, {Model: "threadpool", Set: cleaning}}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	load := &modeltest.Keyed{}
	var amid [2]int
	for life := 0; amid[0] < 2 || amid[1] < 2; life++ {
		if life == amidLives {
			t.Fatalf("seed %d: killed amid compaction %d times by model in %d lives", seed, amid, life)
		}
		which := life % 2 // who opens was not the one that was killed
		child := points[which].StartChild(t, dir, "127.0.0.1:0", 0)
		if life == 0 {
			load.Prepare(t, child.Addr, "segment.bytes", "8192", "min.cleanable.dirty.ratio", "0.01", "segment.ms", "3600000")
		} else {
			load.Verify(t, child.Addr)
		}
		ended := make(chan error, 1)
		go func() { ended <- load.Run(child.Addr) }()
		enough := load.Acked() + 50 + rng.Int64N(200)
		for until := time.Now().Add(20 * time.Second); load.Acked() < enough || len(unfinished(t, dir, load)) == 0; {
			select {
			case err := <-ended:
				t.Fatalf("seed %d: life %d of %s: the load ended: %v\n%s", seed, life, points[which], err, child.Stderr())
			case <-time.After(100 * time.Microsecond):
			}
			if time.Now().After(until) {
				break // killed all the same
			}
		}
		child.Kill(t)
		<-ended
		if files := unfinished(t, dir, load); len(files) > 0 {
			t.Logf("life %d of %s: killed after %d batches amid %v", life, points[which].Model, load.Acked(), files)
			amid[which]++
		}
		opened(t, dir, points, func(addr string) { load.Verify(t, addr) })
	}
}

// unfinished are the files of a compaction that is under way.
func unfinished(t *testing.T, dir string, load *modeltest.Keyed) (files []string) {
	t.Helper()
	for _, suffix := range []string{"*.cleaned", "*.swap"} {
		found, err := filepath.Glob(filepath.Join(dir, load.Where(), suffix))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			files = append(files, filepath.Base(path))
		}
	}
	return files
}
