package reactor

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"unsafe"

	"github.com/ceteris/ceteris/models/disk"
)

// Sim is a machine's kernel in which nothing happens by itself: time stands
// until it is moved or tasks take some, sockets are pipes whose other end the caller holds, disk
// operations end when their time has come, jobs run when the caller says. Every
// choice that a kernel is free to make is drawn from one seeded source, so the
// same calls give the same history. Reactors with [Options.Sim] are begun and
// stepped instead of run. Everything belongs to one goroutine.
type Sim struct {
	NowNs  int64 // the time; the caller moves it, forwards only
	Direct bool  // disk operations must be aligned as O_DIRECT asks

	// Job is given every offloaded job. run does the job's work and hands its end
	// to the reactor; it may be called on a coroutine.
	Job func(j Job, run func())
	// TaskNs says how long the next ready task takes. Nil: none takes any time, so
	// that a round ends only when no task is ready.
	TaskNs func() int64
	// DelayNs says how long a disk operation takes.
	DelayNs func() int64
	// Fail is asked at the end of each disk operation; an error is the
	// operation's. Nil never fails.
	Fail func(op *DiskOp) error

	rng     *rand.Rand
	nextFD  int
	sockets map[int]*simSocket
	files   map[int]disk.File
	flights []*flight
	c       SimCounters
}

// SimCounters is what happened in a simulated kernel.
type SimCounters struct {
	Accepts, Recvs, Fills, PartRecvs, LateRecvs, Sends, PartSends, Starved int64
	Reads, Writes, Torn, Failed                                            int64
	QuotaEnds                                                              int64 // rounds that left tasks to the next
}

// simFirstFD keeps simulated descriptors apart from the process's own.
const simFirstFD = 1 << 28

// NewSim makes a kernel that draws from rng.
func NewSim(rng *rand.Rand) *Sim {
	return &Sim{
		rng: rng, nextFD: simFirstFD, sockets: map[int]*simSocket{}, files: map[int]disk.File{},
		DelayNs: func() int64 { return 20_000 },
	}
}

// Counters is what has happened so far.
func (k *Sim) Counters() SimCounters { return k.c }

func (k *Sim) fd() int {
	k.nextFD++
	return k.nextFD
}

// chance is true in n of 100 cases.
func (k *Sim) chance(n int) bool { return k.rng.IntN(100) < n }

// AddFile gives a file a descriptor that disk operations may name.
func (k *Sim) AddFile(f disk.File) int {
	fd := k.fd()
	k.files[fd] = f
	return fd
}

// CloseFile ends a descriptor, which must have nothing in flight: a kernel's
// next file could get its number.
func (k *Sim) CloseFile(fd int) {
	for _, fl := range k.flights {
		if fl.op.FD == fd {
			panic(fmt.Sprintf("reactor: descriptor %d closed while a disk operation at %d is in flight", fd, fl.op.Off))
		}
	}
	if k.files[fd] == nil {
		panic(fmt.Sprintf("reactor: descriptor %d closed twice", fd))
	}
	delete(k.files, fd)
}

// Touch panics when somebody other than the kernel changes bytes [off, off+n)
// of a file that a write in flight changes; n < 0 means everything from off on.
func (k *Sim) Touch(fd int, off, n int64) {
	for _, fl := range k.flights {
		if fl.op.FD == fd && fl.op.Kind != Read && fl.op.Off+fl.op.total > off && (n < 0 || fl.op.Off < off+n) {
			panic(fmt.Sprintf("reactor: bytes [%d, +%d) of descriptor %d are changed while [%d, +%d) are being written",
				off, n, fd, fl.op.Off, fl.op.total))
		}
	}
}

// flight is a disk operation in the kernel's hands.
type flight struct {
	be    *simBackend
	op    *DiskOp
	dueNs int64
}

// Pull ends every write in flight as a machine that stops does: nothing of it,
// all of it or a part of it has reached the file. The reactors are not told.
func (k *Sim) Pull() {
	for _, fl := range k.flights {
		if op := fl.op; op.Kind == Write || op.Kind == WriteDSync {
			part := k.rng.Int64N(op.total/512+1) * 512
			switch k.rng.IntN(3) {
			case 0:
				part = 0
			case 1:
				part = op.total
			}
			k.c.Torn++
			_ = k.write(op, op.Res, part)
		}
	}
}

// write moves bytes [from, to) of the operation to its file.
func (k *Sim) write(op *DiskOp, from, to int64) error {
	f := k.files[op.FD]
	at := int64(0)
	for _, b := range op.pieces() {
		lo, hi := max(from-at, 0), min(to-at, int64(len(b)))
		if lo < hi {
			w := f.WriteAt
			if t, ok := f.(interface {
				WriteThrough([]byte, int64) (int, error)
			}); ok && op.Kind == WriteDSync {
				w = t.WriteThrough
			}
			if _, err := w(b[lo:hi], op.Off+at+lo); err != nil {
				return err
			}
		}
		at += int64(len(b))
	}
	return nil
}

func (op *DiskOp) pieces() [][]byte {
	if op.B != nil {
		return [][]byte{op.B}
	}
	return op.Iov
}

// carryOut does a whole operation on its file.
func (k *Sim) carryOut(op *DiskOp) error {
	f := k.files[op.FD]
	if f == nil {
		return syscall.EBADF
	}
	if k.Fail != nil {
		if err := k.Fail(op); err != nil {
			k.c.Failed++
			return err
		}
	}
	switch op.Kind {
	case Read:
		k.c.Reads++
		for _, b := range op.pieces() {
			n, err := f.ReadAt(b, op.Off+op.Res)
			op.Res += int64(n)
			if n < len(b) {
				if isEOF(err) {
					return nil
				}
				return err
			}
		}
		return nil
	case Write, WriteDSync:
		k.c.Writes++
		if err := k.write(op, op.Res, op.total); err != nil {
			return err
		}
		op.Res = op.total
		return nil
	default:
		return f.Sync()
	}
}

// checkDirect panics when an operation is not what O_DIRECT accepts.
func (op *DiskOp) checkDirect() {
	bad := op.Off%disk.Align != 0
	for _, b := range op.pieces() {
		// unsafe: only the address tells whether memory is aligned.
		bad = bad || len(b)%disk.Align != 0 || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%disk.Align != 0
	}
	if bad {
		panic(fmt.Sprintf("reactor: disk operation at %d of %d bytes in %d pieces is not aligned to %d", op.Off, op.total, len(op.pieces()), disk.Align))
	}
}

// The states of a simulated reactor.
const (
	simRuns = iota
	simDozes
	simEnds
	simOver
)

// Begin is Run up to the first round, on a simulated kernel and without a thread
// of its own. After an error the reactor is over.
func (r *Reactor) Begin(h Hooks) error {
	if r.ran.Swap(true) {
		return errors.New("reactor: Begin was called before")
	}
	r.be = &simBackend{r: r, k: r.o.Sim}
	r.hooks = h
	r.nowNs = r.clock()
	if err := h.Start(r); err != nil {
		r.shutdown()
		r.simState = simOver
		return err
	}
	return nil
}

// Step is one turn of a simulated reactor's loop and never blocks. False means
// that nothing was done: the reactor sleeps, or has ended.
func (r *Reactor) Step() bool {
	if r.simState == simDozes {
		if r.state.Load() == asleep && !r.stopping.Load() && !r.be.ready() && !r.timerDue() {
			return false
		}
		r.rise()
		r.simState = simRuns
	}
	r.nowNs = r.clock()
	switch {
	case r.simState == simOver:
		return false
	case r.simState == simEnds && r.ended():
		r.tearDown()
		r.simState = simOver
	case r.simState == simEnds:
		r.wind()
	case r.stopping.Load():
		r.closeAll()
		r.simState = simEnds
	case !r.round() && r.doze():
		r.simState = simDozes
	}
	if !r.tasks.empty() {
		r.o.Sim.c.QuotaEnds++
	}
	return true
}

// worked is the time after a task, which it takes.
func (k *Sim) worked() int64 {
	if k.TaskNs != nil {
		k.NowNs += k.TaskNs()
	}
	return k.NowNs
}

func (r *Reactor) timerDue() bool {
	next := r.timers.next()
	return next >= 0 && next <= r.clock()
}

// Over tells whether a simulated reactor has ended after Stop.
func (r *Reactor) Over() bool { return r.simState == simOver }

// NextNs is when a simulated reactor that sleeps has something to do by itself,
// -1: never.
func (r *Reactor) NextNs() int64 {
	next := r.timers.next()
	be := r.be.(*simBackend)
	for _, fl := range r.o.Sim.flights {
		if fl.be == be && (next < 0 || fl.dueNs < next) {
			next = fl.dueNs
		}
	}
	if be.wants() && (next < 0 || be.retryNs < next) {
		next = be.retryNs
	}
	return next
}

// simBackend is the kernel as one reactor sees it.
type simBackend struct {
	r         *Reactor
	k         *Sim
	listeners []*Listener
	streams   []*Stream
	starving  bool  // a stream wants memory to receive into
	retryNs   int64 // and may try again then
}

func (e *simBackend) disk(op *DiskOp) {
	if e.k.Direct && op.Kind != DataSync {
		op.checkDirect()
	}
	if op.Kind == Write || op.Kind == WriteDSync {
		e.k.Touch(op.FD, op.Off, op.total)
		if e.k.chance(30) { // a part of it goes out at once
			early := e.k.rng.Int64N(op.total/512+1) * 512
			if e.k.write(op, 0, early) != nil {
				early = 0
			}
			op.Res = 0
		}
	}
	e.k.flights = append(e.k.flights, &flight{be: e, op: op, dueNs: e.k.NowNs + e.k.DelayNs()})
}

// landed delivers the disk operations of this reactor whose time has come, in
// any order.
func (e *simBackend) landed() (busy bool) {
	var due []*flight
	for _, fl := range e.k.flights {
		if fl.be == e && fl.dueNs <= e.k.NowNs {
			due = append(due, fl)
		}
	}
	e.k.rng.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, fl := range due {
		err := e.k.carryOut(fl.op)
		e.k.flights = slices.DeleteFunc(e.k.flights, func(other *flight) bool { return other == fl })
		e.r.diskFinished(fl.op, err)
		busy = true
	}
	return busy
}

func (e *simBackend) reap() bool {
	busy := e.accept()
	busy = e.move() || busy
	return e.landed() || busy
}

func (e *simBackend) submit() bool { return false }

func (e *simBackend) ready() bool {
	for _, fl := range e.k.flights {
		if fl.be == e && fl.dueNs <= e.k.NowNs {
			return true
		}
	}
	return e.acceptable() || e.movable()
}

// wait is only called by what ends a reactor; nothing can happen meanwhile.
func (e *simBackend) wait(int64) { e.r.owed = 0 }

func (e *simBackend) busy() bool { return false }

func (e *simBackend) close() {}
