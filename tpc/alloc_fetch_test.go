package tpc

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// TestTailFetchAllocatesNothing counts every allocation of the process while a
// consumer at the tail waits for batches, one fetch a batch, in a partition of
// its connection's shard and in one of the other shard. Each fetch is given time
// to arrive first, so that most of them really wait.
func TestTailFetchAllocatesNothing(t *testing.T) {
	const warm, rounds = 200, 1000
	b := start(t, t.TempDir())
	defer stop(t, b)
	createTopic(t, client(t, b), "t", 2) // one shard each
	var conns [2]net.Conn                // a producer and a consumer
	for i := range conns {
		c, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	for part, where := range []string{"a shard", "the other"} {
		t.Run(where, func(t *testing.T) {
			produce := produceFrame(int32(part))
			const mark = 0x1122334455667788
			fetch := (&raw{t: t}).frame(fetchRequest("t", 20_000, 1, 1<<20, want{int32(part), mark, 1 << 20}))
			at := 0
			for binary.BigEndian.Uint64(fetch[at:]) != mark {
				at++
			}
			offset := uint64(0)
			body := make([]byte, 8192)
			answer := func(c net.Conn) int {
				if _, err := io.ReadFull(c, body[:4]); err != nil {
					t.Fatal(err)
				}
				n := int(binary.BigEndian.Uint32(body))
				if _, err := io.ReadFull(c, body[:n]); err != nil {
					t.Fatal(err)
				}
				return n
			}
			round := func() {
				binary.BigEndian.PutUint64(fetch[at:], offset)
				if _, err := conns[1].Write(fetch); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50 * time.Microsecond)
				if _, err := conns[0].Write(produce); err != nil {
					t.Fatal(err)
				}
				answer(conns[0])
				if n := answer(conns[1]); n < 1024 || n > 1400 {
					t.Fatalf("a fetch was answered with %d bytes, want one batch of 1 KiB", n)
				}
				offset++
			}
			for range warm {
				round()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				round()
			}
			runtime.ReadMemStats(&after)
			if n := after.Mallocs - before.Mallocs; n > rounds/10 { // the process has its own, by the time it takes
				t.Errorf("%d allocations in %d fetches and as many produces, want next to none", n, rounds)
			} else {
				t.Logf("%d allocations in %d fetches, %d collections", n, rounds, after.NumGC-before.NumGC)
			}
		})
	}
}
