package tpc

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/disk"
)

// faultFS is the real file system until it is told to fail. Its files are not
// opened for direct I/O.
type faultFS struct {
	disk.FS
	full       *os.File                 // /dev/full: every write to it fails for want of space
	writesFail atomic.Bool              // submitted writes and zero-fills
	createFail atomic.Bool              // new segments
	sealFail   atomic.Bool              // index files of sealed segments
	hold       atomic.Pointer[chan int] // new segments wait until it is closed
}

func newFaults(t testing.TB, b *Broker) *faultFS {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { full.Close() })
	fs := &faultFS{FS: disk.OS, full: full}
	b.fs = fs
	return fs
}

var errInjected = errors.New("injected")

func (fs *faultFS) Open(path string, flag int) (disk.File, error) {
	if flag&os.O_EXCL != 0 {
		if c := fs.hold.Load(); c != nil {
			<-*c
		}
		if fs.createFail.Load() {
			return nil, errInjected
		}
	}
	if fs.sealFail.Load() && strings.HasSuffix(path, ".index") {
		return nil, errInjected
	}
	f, err := fs.FS.Open(path, flag)
	if err != nil {
		return nil, err
	}
	return &faultFile{f, fs}, nil
}

type faultFile struct {
	disk.File
	fs *faultFS
}

func (f *faultFile) FD() int {
	if f.fs.writesFail.Load() {
		return int(f.fs.full.Fd())
	}
	return f.File.FD()
}

// TestStorageFails breaks a partition's storage at every place where it can
// break. What was acknowledged stays readable, appends are refused with a
// storage error, the other partitions go on, Stop ends, and the next start has
// everything that was acknowledged.
func TestStorageFails(t *testing.T) {
	breaks := map[string]func(*faultFS){
		"write":  func(fs *faultFS) { fs.writesFail.Store(true) },
		"create": func(fs *faultFS) { fs.createFail.Store(true) },
		"seal":   func(fs *faultFS) { fs.sealFail.Store(true) },
	}
	for name, breakIt := range breaks {
		for _, where := range [][2]string{{"uring", "none"}, {"epoll", "none"}, {"uring", "shared"}} {
			backend, staging := where[0], where[1]
			t.Run(name+"/"+backend+"/"+staging, func(t *testing.T) {
				rng := seeded(t)
				dir := t.TempDir()
				b := configure(t, dir, "network", backend, "staging", staging, "log.segment.bytes", "65536")
				fs := newFaults(t, b)
				launch(t, b)
				r := dial(t, b)
				topicWith(t, r, "t", 2)
				var acked shadow
				for range 10 {
					acked.mustAdd(t, r, "t", 0, randomBatch(rng, 5000))
				}
				breakIt(fs)
				code := int16(0)
				for i := 0; i < 200 && code == 0; i++ {
					var err error
					if code, err = acked.add(r, "t", 0, randomBatch(rng, 5000)); err != nil {
						t.Fatal(err)
					}
				}
				if code != kerr.KafkaStorageError.Code {
					t.Fatalf("code %d after storage failed, want KAFKA_STORAGE_ERROR", code)
				}
				fs.writesFail.Store(false)
				fs.createFail.Store(false)
				fs.sealFail.Store(false)
				if code, err := acked.add(r, "t", 0, randomBatch(rng, 50)); code != kerr.KafkaStorageError.Code || err != nil {
					t.Errorf("append after the failure: code %d, %v", code, err)
				}
				acked.mustAdd(t, r, "t", 1, randomBatch(rng, 500))
				acked.verify(t, b, "t", 1<<20)
				stop(t, b)

				b = start(t, dir, "network", backend, "log.segment.bytes", "65536")
				acked.verify(t, b, "t", 1<<20)
				r = dial(t, b)
				if code, err := acked.add(r, "t", 0, randomBatch(rng, 50)); code != 0 || err != nil {
					t.Errorf("append after the restart: code %d, %v", code, err)
				}
				acked.verify(t, b, "t", 1<<20)
				stop(t, b)
			})
		}
	}
}

// TestZeroFillFails shows that a disk without room for blocks ahead is no error
// as long as the appends themselves succeed, and is not tried again and again.
func TestZeroFillFails(t *testing.T) {
	b := configure(t, t.TempDir())
	fs := newFaults(t, b)
	launch(t, b)
	r := dial(t, b)
	fs.writesFail.Store(true)
	topicWith(t, r, "t", 1)
	owner := ownerOf(b, "t", 0)
	if err := b.on(b.shards[owner], func(s *shard) error {
		onlyPart(s).app.files[0].ahead.Wrote(0, disk.FirstAhead) // what makes a log begin with it
		s.markDirty(onlyPart(s))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	until(t, b, owner, "the zero-fill ended", func(s *shard) bool { return onlyPart(s).jobs == 0 })
	fs.writesFail.Store(false)
	var acked shadow
	rng := seeded(t)
	for range 20 {
		acked.mustAdd(t, r, "t", 0, randomBatch(rng, 9000))
	}
	until(t, b, owner, "no further zero-fill", func(s *shard) bool {
		f := onlyPart(s).app.files[0]
		return f.ahead.Stopped() && !f.growing
	})
	acked.verify(t, b, "t", 1<<20)
	stop(t, b)
}

// ownerOf is the shard of a partition.
func ownerOf(b *Broker, topic string, part int32) int {
	return int(b.image.Load().Topic([]byte(topic)).Parts[part].Owner)
}

// onlyPart is the partition of a shard that has one.
func onlyPart(s *shard) *ownedPartition {
	for _, p := range s.parts {
		return p
	}
	return nil
}

// TestMemoryRunsOut lets nothing reach the device while the broker acknowledges
// from memory. It refuses with a retriable code when memory is used up, goes on
// when the device does, and has not lost anything that it acknowledged.
func TestMemoryRunsOut(t *testing.T) {
	for _, durability := range []string{"memory", "process"} {
		t.Run(durability, func(t *testing.T) {
			rng := seeded(t)
			dir := t.TempDir()
			set := []string{"durability", durability, "log.segment.bytes", "65536"}
			b := small(configure(t, dir, set...))
			fs := newFaults(t, b)
			launch(t, b)
			r := dial(t, b)
			topicWith(t, r, "t", 1)
			var acked shadow
			acked.mustAdd(t, r, "t", 0, randomBatch(rng, 40<<10))
			gate := make(chan int)
			fs.hold.Store(&gate)
			// At durability=process nothing is answered until the gate opens, so the
			// requests are sent ahead of their answers, one connection each.
			type result struct {
				b    []byte
				base int64
				code int16
				err  error
			}
			const n = 1200
			results := make(chan result, n)
			send := func(c *raw, b []byte) {
				base, code, err := c.produce("t", 0, b)
				results <- result{b, base, code, err}
			}
			clients := make([]*raw, 8)
			for i := range clients {
				clients[i] = dial(t, b)
			}
			refused := func(s *shard) bool { return s.refusals.Load() > 0 }
			owner := ownerOf(b, "t", 0)
			sent := 0
			if durability == "memory" {
				for ; sent < n; sent++ {
					send(r, randomBatch(rng, 40<<10))
				}
			} else {
				for _, c := range clients { // pipelined: each connection has up to the in-flight limit
					batches := make([][]byte, n/len(clients))
					for i := range batches {
						batches[i] = randomBatch(rng, 40<<10)
					}
					sent += len(batches)
					go func() {
						go func() {
							for i := range batches {
								if _, err := c.c.Write(c.frame(produceRequest("t", 0, -1, batches[i]))); err != nil {
									return
								}
							}
						}()
						for i, records := range batches {
							resp, err := c.read(produceRequest("t", 0, -1, nil), int32(i+1))
							if err != nil {
								results <- result{err: err}
								continue
							}
							p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
							results <- result{records, p.BaseOffset, p.ErrorCode, nil}
						}
					}()
				}
			}
			until(t, b, owner, "a refusal", refused)
			if durability == "memory" { // a broker without room can still read what it refuses
				for range 5 {
					if _, code, err := r.produce("t", 0, randomBatch(rng, 300_000)); code != codeExhausted || err != nil {
						t.Errorf("with memory used up: code %d, %v", code, err)
					}
				}
			}
			fs.hold.Store(nil)
			close(gate)
			refusals := 0
			var kept []result
			for range sent {
				switch got := <-results; {
				case got.err != nil:
					t.Fatal(got.err)
				case got.code == codeExhausted:
					refusals++
				case got.code != 0:
					t.Fatalf("code %d, want success or a retriable refusal", got.code)
				default:
					kept = append(kept, got)
				}
			}
			slices.SortFunc(kept, func(a, b result) int { return cmp.Compare(a.base, b.base) })
			for _, k := range kept {
				acked.note(0, k.base, k.b)
			}
			if refusals == 0 || len(kept) == 0 {
				t.Fatalf("%d refusals and %d successes: the test tested nothing", refusals, len(kept))
			}
			until(t, b, owner, "everything on the device", func(s *shard) bool { return onlyPart(s).app.drained() })
			acked.mustAdd(t, r, "t", 0, randomBatch(rng, 40<<10))
			acked.verify(t, b, "t", 1<<20)
			stop(t, b)
			b = small(configure(t, dir, set...))
			launch(t, b)
			acked.verify(t, b, "t", 1<<20)
			stop(t, b)
		})
	}
}
