package load

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

// TestCatchUpGoesOn: a reader that catches up gets to the log's end however many of its
// requests are under way, and begins anew only there.
func TestCatchUpGoesOn(t *testing.T) {
	w := testWorkload()
	w.Partitions = 1
	const end = 100
	window := func(from int64) []byte { // ten records at a time
		if from >= end {
			return nil
		}
		return batchAt(from, make([][]byte, 10)...)
	}
	for _, inflight := range []int{1, 2, 5, 16} {
		cl := &cluster{topics: []string{"t"}, leader: []int{0}, start: []int64{0}}
		r := &run{o: &Options{W: w}, cl: cl, partsOf: [][]int{{0}}}
		o, err := r.newOps(&workloads.Class{Name: workloads.CatchUpFetch})
		if err != nil {
			t.Fatal(err)
		}
		f := o.(*fetchOps)
		var out []asked
		highest, anew, last := int64(0), 0, int64(0)
		for i := range int64(400) {
			frame, what := f.frame(nil, f.partition(i))
			if at := int64(binary.BigEndian.Uint64(frame[f.frames[0].offsets[0]:])); at != what.offset {
				t.Fatalf("the frame asks for %d, want %d", at, what.offset)
			}
			highest = max(highest, what.offset)
			if what.offset < last {
				anew++
			}
			last = what.offset
			out = append(out, what)
			if len(out) < inflight {
				continue
			}
			if _, _, err := f.answer(out[0], fetchBody(0, window(out[0].offset))); err != nil {
				t.Fatal(err)
			}
			out = out[1:]
		}
		// A pass is eleven answers, the last of which is empty, each for as many
		// requests as are under way.
		passes := 400 / inflight / 11
		if highest != end || anew < passes-1 || anew > passes+1 {
			t.Errorf("%d under way: got to %d of %d and began anew %d times, want %d", inflight, highest, end, anew, passes)
		}
	}
}

// TestReconnectsGoRound: connections that come and go are made to every leader in turn,
// however many of them can be open at a time.
func TestReconnectsGoRound(t *testing.T) {
	poll, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer poll.close()
	m := &mix{class: &workloads.Class{Name: workloads.Reconnect, Inflight: 1}, ops: fixedOps(make([]byte, 16))}
	var listeners []*net.TCPListener
	for range 3 {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		to, err := sockaddr(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		listeners, m.to = append(listeners, l), append(m.to, to)
	}
	k := &asker{w: &worker{poll: poll}, m: m, fd: -1, inflight: newRing[ask](1)}
	for i := range int64(7) {
		k.start(waiting{index: i})
		l := listeners[i%3]
		if err := l.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err != nil {
			t.Fatalf("request %d did not go to leader %d: %v", i, i%3, err)
		}
		_ = c.Close()
		k.inflight.pop()
		k.shut()
	}
}
