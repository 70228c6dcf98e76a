package threadpool

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/telemetry"
)

// crew is the broker's threads while they start: every one stands, on its CPU
// and with what only it can make (a ring, an arena's pages), before any works.
type crew struct {
	threads *threads
	cpus    []int      // threads=pinned: what each thread is bound to one of, dealt round robin; else none
	mu      sync.Mutex // guards members once the gate is open
	members []member
	begun   chan standing
	gate    chan struct{}
	works   bool // what the gate opens for; written before that
}

// member is one thread and the CPU that it is bound to, -1 for none.
type member struct {
	name string
	cpu  int
	tid  int // the kernel's; known once it stands
}

// standing is what a thread says when it is ready to work, or cannot be.
type standing struct {
	member, tid int
	err         error
}

// seatCPUs are those that threads are bound to.
func seatCPUs(cfg *models.Config) ([]int, error) {
	if cfg.Factors.Threads != "pinned" {
		return nil, nil
	}
	if len(cfg.CPUs) > 0 {
		return cfg.CPUs, nil
	}
	set, err := affinity()
	if err != nil {
		return nil, err
	}
	return listCPUs(&set), nil
}

// add starts a thread. prepare, which may be nil, runs on it at once, and work
// when everybody stands.
func (c *crew) add(name string, prepare func() error, work func()) {
	m := member{name: name, cpu: -1}
	if len(c.cpus) > 0 {
		m.cpu = c.cpus[len(c.members)%len(c.cpus)]
	}
	at := len(c.members)
	c.members = append(c.members, m)
	c.threads.start(func() {
		if c.threads.locked {
			telemetry.NameThread(name)
		}
		err := m.bind()
		if err == nil && prepare != nil {
			err = prepare()
		}
		c.begun <- standing{at, unix.Gettid(), err}
		if <-c.gate; c.works {
			work()
		}
	})
}

// release lets the threads work once all stand. After an error none of them
// does, and all have ended.
func (c *crew) release() error {
	var err error
	for range c.members {
		s := <-c.begun
		c.members[s.member].tid = s.tid
		err = errors.Join(err, s.err)
	}
	c.works = err == nil
	close(c.gate)
	if err != nil {
		c.threads.wg.Wait()
	}
	return err
}

// join starts a thread that works at once, when the others do already. at says
// which CPU is its turn: that of its seat, whoever has joined or left before.
func (c *crew) join(name string, at int, work func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := member{name: name, cpu: -1}
	if len(c.cpus) > 0 {
		m.cpu = c.cpus[at%len(c.cpus)]
	}
	stands := make(chan standing)
	c.threads.start(func() {
		if c.threads.locked {
			telemetry.NameThread(name)
		}
		err := m.bind()
		stands <- standing{0, unix.Gettid(), err}
		if err == nil {
			work()
		}
	})
	s := <-stands
	if s.err == nil {
		m.tid = s.tid
		c.members = append(c.members, m)
	}
	return s.err
}

// leave forgets a thread that ends before the others.
func (c *crew) leave(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members = slices.DeleteFunc(c.members, func(m member) bool { return m.name == name })
}

// list is the threads there are now.
func (c *crew) list() []member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.members)
}

// bind moves the calling thread to its CPU and asks the kernel whether it is
// there. The thread is locked and ends with its binding: it is not unlocked.
func (m *member) bind() error {
	if m.cpu < 0 {
		return nil
	}
	runtime.LockOSThread() // once more than is unlocked, so that the thread ends with its goroutine
	var only unix.CPUSet
	only.Set(m.cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("threads=pinned: binding %s to CPU %d: %w", m.name, m.cpu, err)
	}
	got, err := affinity()
	if err == nil && got != only {
		err = fmt.Errorf("threads=pinned: %s is on CPUs %v, want %d only", m.name, listCPUs(&got), m.cpu)
	}
	return err
}

// affinity is where the calling thread may run.
func affinity() (set unix.CPUSet, err error) {
	if err = unix.SchedGetaffinity(0, &set); err != nil {
		err = fmt.Errorf("reading the CPUs of a thread: %w", err)
	}
	return set, err
}

func listCPUs(set *unix.CPUSet) (cpus []int) {
	for n := 0; len(cpus) < set.Count(); n++ {
		if set.IsSet(n) {
			cpus = append(cpus, n)
		}
	}
	return cpus
}

// instrument shows where each bound thread is.
func (c *crew) instrument(g *telemetry.Registry) {
	for _, m := range c.list() {
		if m.cpu >= 0 {
			g.GaugeFunc("thread_cpu", "the CPU that a thread is bound to", func() float64 { return float64(m.cpu) }, "thread", m.name)
		}
	}
}

// String says where each thread is bound, "nowhere" where none is.
func (c *crew) String() string {
	if len(c.cpus) == 0 {
		return "nowhere"
	}
	var out []string
	for _, m := range c.list() {
		out = append(out, m.name+":"+strconv.Itoa(m.cpu))
	}
	return strings.Join(out, " ")
}

func handlerName(i int) string { return "handler-" + strconv.Itoa(i) }

func processorName(i int) string { return "network-" + strconv.Itoa(i) }
