package conformance

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/modeltest"
)

// both are the models as they come, for what does not depend on factors.
var both = []modeltest.Point{
	{Model: "tpc", Shards: 2},
	{Model: "tpc", Shards: 1, Set: []string{"network", "epoll"}},
	{Model: "threadpool"},
	{Model: "threadpool", Set: []string{"threads", "goroutine"}},
}

// TestNeverReads has a client ask for much and read nothing. Others go on, the
// broker holds no more for it than sockets and one connection's requests in
// flight, and it stops cleanly with the client still there.
func TestNeverReads(t *testing.T) {
	for i, p := range both {
		if reduced && i%2 == 1 {
			continue
		}
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel() // it waits more than it works
			child := p.StartChild(t, t.TempDir(), "127.0.0.1:0", 0)
			load := &modeltest.Load{Seed: 1, Producers: 1, Ahead: 5}
			load.Prepare(t, child.Addr)
			load.Run(child.Addr, 2000)
			before := child.MemoryBytes(t)
			asked := 0
			for range 2 {
				asked += askMuch(t, child.Addr, "load")
			}
			after := child.MemoryBytes(t)
			t.Logf("%d requests of some 1 MiB each were taken; memory went from %d to %d KiB", asked, before>>10, after>>10)
			if grown := after - before; grown > modeltest.MemoryBytes {
				t.Errorf("memory grew by %d bytes for clients that do not read, want at most %d", grown, modeltest.MemoryBytes)
			}
			load.Run(child.Addr, 2500)
			for _, err := range load.Errors() {
				if err != nil {
					t.Errorf("beside clients that do not read: %v", err)
				}
			}
			load.Verify(t, child.Addr)
			if err := child.Stop(t); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
}

// askMuch sends fetches without reading until the broker takes no more, which
// is what it should come to, or until there are far too many.
func askMuch(t *testing.T, addr, topic string) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.SessionEpoch = 1, 1<<20, -1
	part := kmsg.NewFetchRequestTopicPartition()
	part.PartitionMaxBytes = 1 << 20
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.FetchRequestTopicPartition{part}
	req.Topics = append(req.Topics, rt)
	const tooMany = 200_000
	for n := range tooMany {
		if err := c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(modeltest.Frame(req, 12, int32(n))); err != nil {
			return n // the broker does not read on, or has hung up
		}
	}
	t.Errorf("the broker took %d fetches from a client that reads none of the answers", tooMany)
	return tooMany
}

// idleConnections is how many clients are connected and silent.
const idleConnections = 10_000

// TestIdle connects ten thousand clients that say nothing, or once a little. The
// broker serves others meanwhile, and does not hold a receive buffer for each.
func TestIdle(t *testing.T) {
	n := raiseFiles(t, idleConnections+200) - 200
	if reduced {
		n = 1000
	} else if n = min(n, idleConnections); n < idleConnections {
		t.Logf("only %d connections: the limit of open files cannot be raised", n)
	}
	for _, p := range both {
		t.Run(p.String(), func(t *testing.T) {
			child := p.With("socket.listen.backlog.size", "1000").StartChild(t, t.TempDir(), "127.0.0.1:0", 0)
			load := &modeltest.Load{Seed: 1, Producers: 2, Ahead: 5}
			load.Prepare(t, child.Addr)
			load.Run(child.Addr, 1000)
			before := child.MemoryBytes(t)
			conns := make([]net.Conn, 0, n)
			defer func() {
				for _, c := range conns {
					c.Close()
				}
			}()
			versions := modeltest.Frame(kmsg.NewPtrApiVersionsRequest(), 0, 1)
			for i := range n {
				c, err := net.Dial("tcp", child.Addr)
				if err != nil {
					t.Fatalf("connection %d: %v\n%s", i, err, child.Stderr())
				}
				conns = append(conns, c)
				if i%2 == 0 {
					talk(t, c, versions)
				}
			}
			load.Run(child.Addr, 2000)
			for _, err := range load.Errors() {
				if err != nil {
					t.Errorf("beside %d idle connections: %v", n, err)
				}
			}
			grown := child.MemoryBytes(t) - before
			t.Logf("%d idle connections: memory went from %d KiB up by %d KiB, %d bytes each", n, before>>10, grown>>10, grown/int64(n))
			// Half the smallest receive buffer of either model.
			if most := int64(n) * 8 << 10; grown > most && !reduced { // the detector's own memory is not the broker's
				t.Errorf("memory grew by %d bytes, want at most %d", grown, most)
			}
			talk(t, conns[0], versions)
			talk(t, conns[n-1], versions)
			if err := child.Stop(t); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
}

// talk asks one small question and reads the answer.
func talk(t *testing.T, c net.Conn, frame []byte) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(frame); err != nil {
		t.Fatal(err)
	}
	if _, err := modeltest.ReadFrame(c); err != nil {
		t.Fatal(err)
	}
}

// raiseFiles allows this process, and so its children, that many open files,
// and returns how many there may be.
func raiseFiles(t *testing.T, want uint64) int {
	t.Helper()
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Cur < want {
		raised := unix.Rlimit{Cur: min(want, l.Max), Max: l.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raised); err != nil {
			t.Fatal(err)
		}
		l.Cur = raised.Cur
	}
	return int(min(l.Cur, 1<<20))
}
