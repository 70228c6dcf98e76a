package threadpool

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// The load test of this package: a broker in a process of its own on CPU 0, a
// raw client here on CPU 1. Off by default, because it takes both processors:
//
//	go test -run TestLoad -load 16x1x1,1x1x1 -loadset spin=0 .
var (
	loadRows = flag.String("load", "", "rows to measure: connections x in flight x records of 1 KiB, comma separated")
	loadSet  = flag.String("loadset", "", "name=value settings of the broker, comma separated")
	loadTime = flag.Duration("loadtime", 3*time.Second, "how long each row is measured")
	loadProf = flag.String("loadprofile", "", "CPU profile of the broker")
)

const brokerEnv = "CETERIS_THREADPOOL_LOAD_BROKER"

func TestLoad(t *testing.T) {
	if *loadRows == "" {
		t.Skip("no rows; see -load")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range strings.Split(*loadRows, ",") {
		var conns, inflight, records int
		if _, err := fmt.Sscanf(row, "%dx%dx%d", &conns, &inflight, &records); err != nil {
			t.Fatalf("row %q: %v", row, err)
		}
		p := spawnBroker(t, exe)
		r := drive(t, p.addr, conns, inflight, records, p.pid)
		p.stop(t)
		t.Logf("%-9s %7.0f req/s %7.0f req/cpu-s p50 %5d us p99 %6d us csw/req %.2f user %.2f sys %.2f", row,
			float64(r.done)/r.wall, float64(r.done)/r.cpu, r.quantile(0.5), r.quantile(0.99), float64(r.switches)/float64(r.done), r.user/r.wall, r.sys/r.wall)
	}
}

type result struct {
	done           int
	wall, cpu      float64 // seconds
	user, sys      float64
	switches       int64
	latenciesMicro []int32
}

func (r *result) quantile(q float64) int32 {
	slices.Sort(r.latenciesMicro)
	return r.latenciesMicro[min(int(q*float64(len(r.latenciesMicro))), len(r.latenciesMicro)-1)]
}

// loadConn is one connection of the raw client.
type loadConn struct {
	fd    int
	frame []byte
	sent  []int64 // send times of what is in flight, oldest first
	in    []byte
	n     int
	corr  uint32
}

// drive keeps inflight requests of every connection in the broker.
func drive(t *testing.T, addr string, conns, inflight, records, pid int) *result {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pin(t, 0, 1)
	ep, err := kernel.NewEpoll(256)
	if err != nil {
		t.Fatal(err)
	}
	defer ep.Close()
	cs := make([]*loadConn, conns)
	for i := range cs {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		defer f.Close()
		fd := int(f.Fd())
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
		cs[i] = &loadConn{fd: fd, in: make([]byte, 4096), frame: produceFrame("load", int32(i%16), records)}
		if err := ep.Add(fd, unix.EPOLLIN, int32(i)); err != nil {
			t.Fatal(err)
		}
	}
	r := &result{latenciesMicro: make([]int32, 0, 1<<20)}
	now := func() int64 { return time.Since(epoch).Nanoseconds() }
	for _, c := range cs {
		for range inflight {
			c.send(t, now())
		}
	}
	warm := now() + int64(time.Second)
	var from, until int64
	var before usage
	for {
		at := now()
		if from == 0 && at > warm {
			from, until, before = at, at+int64(*loadTime), readUsage(t, pid)
		}
		if from != 0 && at > until {
			after := readUsage(t, pid)
			r.wall = float64(at-from) / 1e9
			r.user, r.sys = after.user-before.user, after.sys-before.sys
			r.cpu = r.user + r.sys
			r.switches = after.switches - before.switches
			return r
		}
		for _, ev := range ep.Poll() {
			c := cs[ev.Fd]
			at = now()
			for range c.receive(t) {
				if from != 0 {
					r.done++
					r.latenciesMicro = append(r.latenciesMicro, int32((at-c.sent[0])/1000))
				}
				c.sent = append(c.sent[:0], c.sent[1:]...)
				c.send(t, now())
			}
		}
	}
}

var epoch = time.Now()

func pin(t testing.TB, tid, cpu int) {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(tid, &set); err != nil {
		t.Fatal(err)
	}
}

func (c *loadConn) send(t *testing.T, at int64) {
	c.corr++
	binary.BigEndian.PutUint32(c.frame[8:], c.corr)
	c.sent = append(c.sent, at)
	for rest := c.frame; len(rest) > 0; {
		n, errno := kernel.Send(c.fd, rest, false)
		if errno == unix.EAGAIN {
			continue
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		rest = rest[n:]
	}
}

// receive returns how many responses have become complete, all without error.
func (c *loadConn) receive(t *testing.T) (done int) {
	n, errno := kernel.Recv(c.fd, c.in[c.n:])
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return 0
	}
	if errno != 0 || n == 0 {
		t.Fatalf("receive: %d bytes, %v", n, errno)
	}
	c.n += n
	for c.n >= 4 {
		size := 4 + int(binary.BigEndian.Uint32(c.in))
		if c.n < size {
			break
		}
		resp := kmsg.ProduceResponse{Version: 9}
		if c.corr%1024 == 1 {
			if err := resp.ReadFrom(c.in[9:size]); err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
				t.Fatalf("response: %v %+v", err, resp)
			}
		}
		copy(c.in, c.in[size:c.n])
		c.n -= size
		done++
	}
	return done
}

// produceFrame is a Produce request with one batch of records of 1 KiB.
func produceFrame(topic string, partition int32, records int) []byte {
	bb := batch.NewBuilder(0, batch.CodecNone)
	payload := make([]byte, 1024)
	for i := range payload {
		payload[i] = byte(i * 7)
	}
	for range records {
		bb.Append(1_700_000_000_000, nil, payload)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 30000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Partition, rp.Records = partition, bb.Close()
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("load")).AppendRequest(nil, req, 1)
}

type usage struct {
	user, sys float64
	switches  int64
}

// readUsage sums what the threads of a process have used.
func readUsage(t *testing.T, pid int) (u usage) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	var utime, stime int64
	fmt.Sscan(fields[11], &utime)
	fmt.Sscan(fields[12], &stime)
	u.user, u.sys = float64(utime)/100, float64(stime)/100
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, task.Name()))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(b), "\n") {
			var n int64
			if _, after, ok := strings.Cut(line, "ctxt_switches:"); ok {
				fmt.Sscan(after, &n)
				u.switches += n
			}
		}
	}
	return u
}

// brokerProcess is the broker of the load test.
type brokerProcess struct {
	addr string
	pid  int
	in   *os.File
	proc *os.Process
}

func spawnBroker(t *testing.T, exe string) *brokerProcess {
	ir, iw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	or, ow, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"taskset", "-c", "0", exe, "-test.run", "TestLoadBroker", "-loadset", *loadSet}
	if *loadProf != "" {
		args = append(args, "-test.cpuprofile", *loadProf)
	}
	proc, err := os.StartProcess("/usr/bin/taskset", args, &os.ProcAttr{
		Env: append(os.Environ(), brokerEnv+"=1"), Files: []*os.File{ir, ow, os.Stderr},
	})
	if err != nil {
		t.Fatal(err)
	}
	ir.Close()
	ow.Close()
	var addr string
	if _, err := fmt.Fscanf(or, "ready %s\n", &addr); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, or) }()
	return &brokerProcess{addr: addr, pid: proc.Pid, in: iw, proc: proc}
}

func (p *brokerProcess) stop(t *testing.T) {
	p.in.Close()
	if st, err := p.proc.Wait(); err != nil || !st.Success() {
		t.Errorf("broker: %v %v", st, err)
	}
}

// TestLoadBroker is the broker of TestLoad, in a process of its own.
func TestLoadBroker(t *testing.T) {
	if os.Getenv(brokerEnv) == "" {
		t.Skip("started by TestLoad")
	}
	var set []string
	for _, kv := range strings.Split(*loadSet, ",") {
		if k, v, ok := strings.Cut(kv, "="); ok {
			set = append(set, k, v)
		}
	}
	cfg := config(t, set...)
	b, stop := start(t, cfg)
	cl := client(t, b)
	createTopic(t, cl, "load", 16)
	cl.Close()
	fmt.Printf("ready %s\n", b.Addr())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.ReadMemStats(&after)
	requests := 0.0
	for _, s := range b.registry.Snapshot() {
		if strings.HasSuffix(s.Name, "_requests_total") {
			requests += s.Value
		}
	}
	fmt.Fprintf(os.Stderr, "%.0f requests, %.4f allocations each, %d collections\n", requests,
		float64(after.Mallocs-before.Mallocs)/max(requests, 1), after.NumGC-before.NumGC)
	stop()
}
