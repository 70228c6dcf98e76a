package threadpool

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/disk"
)

// newDirectFile is a direct file of its own in a directory of the test, which
// holds content already.
func newDirectFile(t *testing.T, content []byte, budget int64) (f *directFile, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "00000000000000000000.log")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := disk.OpenDirect(path)
	if err != nil {
		t.Fatal(err)
	}
	if d.Refused != "" {
		t.Log(d.Refused)
	}
	f = &directFile{File: d, direct: d, memory: &windowBudget{limit: budget}, end: int64(len(content))}
	f.onDisk.Store(f.end)
	b := &Broker{}
	b.cfg.Model = "threadpool"
	f.zeros.begin(b, f.end, 1<<30)
	t.Cleanup(func() { f.Close() })
	return f, path
}

// TestDirectFile appends pieces of every size behind content of every length,
// while readers check what they were told is there, through each way of reading,
// and zeros are written ahead. What another reads of the file afterwards is the
// same, with nothing but zeros behind it.
func TestDirectFile(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, c := range []struct {
		begin, most int
		budget      int64
	}{{0, 100, 1 << 20}, {1, 5000, 1 << 20}, {4095, 20000, 1 << 20}, {4096, 300, 0}, {70001, 200000, 1 << 20}} {
		rng := rand.New(rand.NewPCG(seed, uint64(c.begin)))
		all := make([]byte, c.begin+3<<20)
		for i := range all {
			all[i] = byte(rng.Uint32() | 1) // never zero
		}
		f, path := newDirectFile(t, all[:c.begin], c.budget)
		var end atomic.Int64
		end.Store(int64(c.begin))
		var readers, fills sync.WaitGroup
		stop := make(chan struct{})
		for n := range 3 {
			rng := rand.New(rand.NewPCG(seed, uint64(100+n)))
			readers.Go(func() {
				mem := make([]byte, 0)
				for {
					select {
					case <-stop:
						return
					default:
					}
					readOnce(t, f, all, end.Load(), rng, &mem)
				}
			})
		}
		for at, n := c.begin, 0; at < len(all) && n < 400; n++ {
			k := min(1+rng.IntN(c.most), len(all)-at)
			if got, err := f.WriteAt(all[at:at+k], int64(at)); err != nil || got != k {
				t.Fatalf("append of %d at %d: %d, %v", k, at, got, err)
			}
			at += k
			end.Store(int64(at))
			if s, ok := f.due(); ok {
				fills.Go(func() { f.prepare(s) })
			}
		}
		fills.Wait()
		close(stop)
		readers.Wait()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n := int(end.Load())
		if len(got) < n || !bytes.Equal(got[:n], all[:n]) {
			t.Errorf("begin %d: the file is not what was appended", c.begin)
		}
		if rest := bytes.TrimLeft(got[min(n, len(got)):], "\x00"); len(rest) > 0 {
			t.Errorf("begin %d: %d bytes behind the end that are not zero", c.begin, len(rest))
		}
		if int64(n) > disk.FirstAhead+int64(c.begin) && len(got) < n+4096 {
			t.Errorf("begin %d: the file of %d bytes is not prepared ahead of %d", c.begin, len(got), n)
		}
	}
}

// readOnce reads somewhere below end, as headers, ranges and responses are.
func readOnce(t *testing.T, f *directFile, all []byte, end int64, rng *rand.Rand, mem *[]byte) {
	if end == 0 {
		return
	}
	at := rng.Int64N(end)
	if rng.IntN(2) == 0 {
		at = max(0, end-1-rng.Int64N(min(end, 70000)))
	}
	n := int(min(1+rng.Int64N(9000), end-at))
	want := all[at : at+int64(n)]
	switch rng.IntN(3) {
	case 0:
		b := make([]byte, n)
		if got, err := f.ReadAt(b, at); got != n || err != nil && err != io.EOF || !bytes.Equal(b, want) {
			t.Errorf("read of %d at %d below %d: %d, %v, equal %v", n, at, end, got, err, bytes.Equal(b, want))
		}
	case 1:
		if w := f.window(at, n); w != nil {
			if !bytes.Equal(w.at(at)[:n], want) {
				t.Errorf("window has something else at %d", at)
			}
			w.Drop()
		}
	case 2:
		if len(*mem) == 0 {
			*mem = newWindow(readBytes).mem
		}
		got, err := f.read(*mem, at, n)
		if err != nil || len(got) == 0 || !bytes.Equal(got, want[:len(got)]) {
			t.Errorf("device read of %d at %d below %d: %d bytes, %v", n, at, end, len(got), err)
		}
	}
}
