package reactor

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

const ms = int64(1_000_000)

// story is a reactor's life for the monitor, told in stretches of ms, with a
// clock of its own.
type story struct {
	s     sample
	m     monitor
	lines []string
}

// look takes a sample and writes down what the monitor says of it.
func (st *story) look() {
	c := st.m.step(&st.s, 25*ms)
	at := st.s.nowNs / ms
	if c.endedNs > 0 {
		st.lines = append(st.lines, fmt.Sprintf("%d ended %d", at, c.endedNs/ms))
	}
	if c.due {
		word := "still"
		if c.begun {
			word = "stall"
		}
		st.lines = append(st.lines, fmt.Sprintf("%d %s ran %d blocked %d paused %d descheduled %d", at, word,
			c.spent.RanNs/ms, c.spent.BlockedNs/ms, c.spent.PausedNs/ms, c.spent.DescheduledNs/ms))
	}
}

// do lets n ms pass in one way, looking every five.
func (st *story) do(what string, n int64) {
	for ; n > 0; n-- {
		st.s.nowNs += ms
		st.s.waiting = false
		switch what {
		case "run":
			st.s.cpuNs += ms
		case "queue":
			st.s.queuedNs += ms
		case "steal": // nothing that this kernel knows of
		case "pause":
			st.s.pausedNs += ms
			st.s.waiting = true
		case "block":
			st.s.waiting = true
		case "rounds":
			st.s.cpuNs += ms
			st.s.beatNs = st.s.nowNs
			st.s.moving = true
		case "sleep":
			st.s.sleptNs += ms
			st.s.cpuNs += ms / 10 // the runtime's signals
			st.s.waiting = true
		}
		if st.s.nowNs/ms%5 == 0 {
			st.look()
			st.s.moving = false
		}
	}
}

// tell follows a script such as "rounds 20, run 30".
func (st *story) tell(script string) string {
	st.s.beatNs = 1
	for part := range strings.SplitSeq(script, ", ") {
		var what string
		var n int64
		if _, err := fmt.Sscan(part, &what, &n); err != nil {
			panic(err)
		}
		switch what {
		case "sleep":
			st.s.asleep = true
			st.do(what, n)
			st.s.asleep = false
			st.s.beatNs = st.s.nowNs // a round follows
		case "round": // of n ms
			st.s.beatNs = st.s.nowNs
			st.do("run", n)
		default:
			st.do(what, n)
		}
	}
	return strings.Join(st.lines, "\n")
}

// TestMonitor: heartbeats in, stalls out.
func TestMonitor(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"healthy", "rounds 500", ""},
		{"asleep for long", "rounds 20, sleep 500, rounds 20, sleep 500", ""},
		{"short of it", "rounds 20, round 24, rounds 20", ""},
		{
			"stalls, and again at twice and four times the length", "rounds 20, round 120, rounds 20",
			"45 stall ran 25 blocked 0 paused 0 descheduled 0\n70 still ran 50 blocked 0 paused 0 descheduled 0\n" +
				"120 still ran 100 blocked 0 paused 0 descheduled 0\n145 ended 120",
		},
		{
			"a new stall begins at the threshold", "rounds 20, round 60, rounds 10, round 30, rounds 10",
			"45 stall ran 25 blocked 0 paused 0 descheduled 0\n70 still ran 50 blocked 0 paused 0 descheduled 0\n85 ended 60\n" +
				"115 stall ran 25 blocked 0 paused 0 descheduled 0\n125 ended 30",
		},
		{"on the run queue", "rounds 20, round 5, queue 300, run 5, rounds 10", ""},
		{"stolen by what is below", "rounds 20, round 5, steal 300, run 5, rounds 10", ""},
		{"the world stands still", "rounds 20, round 5, pause 300, run 5, rounds 10", ""},
		{
			"descheduled in between", "rounds 20, round 10, queue 40, run 20, rounds 10",
			"85 stall ran 25 blocked 0 paused 0 descheduled 40\n95 ended 30",
		},
		{
			"blocked in the kernel", "rounds 20, round 5, block 40, rounds 10",
			"45 stall ran 5 blocked 20 paused 0 descheduled 0\n70 ended 45",
		},
		{
			"wakes up and stalls", "sleep 200, run 30, rounds 20",
			"225 stall ran 25 blocked 0 paused 0 descheduled 0\n235 ended 30",
		},
		// The sample before the round is 4 ms old when it begins; what the thread was
		// off the processor for since then may all lie in the round.
		{"no benefit of the doubt", "rounds 15, round 4, queue 4, round 24, rounds 20", ""},
	} {
		if got := (&story{}).tell(c.script); got != c.want {
			t.Errorf("%s: %s:\ngot\n%s\nwant\n%s", c.name, c.script, got, c.want)
		}
	}
}

// TestMonitorNeverBlamesTheInnocent: whatever the samples' moments and whatever
// keeps the thread from its processor, a round that uses less CPU time than the
// threshold is no stall.
func TestMonitorNeverBlamesTheInnocent(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		st := &story{}
		var script []string
		guilty := 0
		for range 10 {
			script = append(script, fmt.Sprintf("rounds %d", 1+rng.IntN(20)), "round 1", fmt.Sprintf("sleep %d", 1+rng.IntN(50)))
			own := 0
			script = append(script, "rounds 1", "round 1") // the round's own time is what follows
			own++
			for range rng.IntN(4) {
				how := []string{"run", "queue", "steal", "run"}[rng.IntN(4)]
				n := 1 + rng.IntN(30)
				script = append(script, fmt.Sprintf("%s %d", how, n))
				if how == "run" {
					own += n
				}
			}
			if own >= 25 {
				guilty++
			}
		}
		script = append(script, "rounds 10")
		out := st.tell(strings.Join(script, ", "))
		if got := strings.Count(out, "stall"); got > guilty {
			t.Fatalf("seed %d: %d stalls, but only %d rounds ran for 25 ms:\n%s\n%s", seed, got, guilty, strings.Join(script, ", "), out)
		}
	}
}

// TestLimiter lets five reports a minute through and says how many it held back.
func TestLimiter(t *testing.T) {
	var l limiter
	var out []string
	for i := range int64(20) {
		ok, held := l.allow(i * 5_000 * ms) // one every five seconds
		out = append(out, fmt.Sprintf("%v %d", ok, held))
	}
	want := "true 0,true 0,true 0,true 0,true 0,false 0,false 0,false 0,false 0,false 0,false 0,false 0,true 7,true 0,true 0,true 0,true 0,false 0,false 0,false 0"
	if got := strings.Join(out, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestMonitorLooksAgainInTime: a watchdog that looks when it was told to meets
// every stall of its threshold.
func TestMonitorLooksAgainInTime(t *testing.T) {
	for begins := int64(0); begins < 13*ms; begins += ms / 7 {
		var m monitor
		next, found := int64(0), int64(0)
		for found == 0 && next < 200*ms {
			s := sample{nowNs: next, beatNs: next, moving: true, cpuNs: next}
			if next > 50*ms+begins {
				s.beatNs, s.moving = 50*ms+begins, false
			}
			if m.step(&s, 25*ms).begun {
				found = next
			}
			next += m.nextNs(25 * ms)
		}
		if late := found - (75*ms + begins); found == 0 || late < 0 || late > 2*ms {
			t.Errorf("a stall that begins %d ns after a sample is found %d ns after the threshold", begins, late)
		}
	}
}

func TestLengths(t *testing.T) {
	var l lengths
	for _, ns := range []int64{-1, 0, 1, 1 << 20, 1<<20 + 1, 1 << 21, 1 << 31, 1<<31 + 1, 1 << 40} {
		l.record(ns)
	}
	got := l.read()
	if got.Counts[0] != 4 || got.Counts[1] != 2 || got.Counts[11] != 1 || got.Counts[12] != 2 || got.Total() != 9 {
		t.Errorf("counts %v", got.Counts)
	}
	if LengthBoundNs(0) != 1<<20 || LengthBoundNs(11) != 1<<31 || LengthBoundNs(12) != -1 {
		t.Errorf("bounds %d %d %d", LengthBoundNs(0), LengthBoundNs(11), LengthBoundNs(12))
	}
}
