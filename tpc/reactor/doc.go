// Package reactor is the event loop of one shard: sockets, disk, timers and
// messages meet on one locked thread, in completion style.
//
// A caller hands over an operation (send this chain, write these bytes there)
// together with an object whose method is called on the reactor's thread when
// the operation is finished. Two backends stand behind the same interface: the
// kernel's io_uring, and epoll with a few goroutines for the disk. Which one
// runs is decided once, by probing, and told by [Reactor.Facts].
//
// One round of the loop:
//
//	Hooks.Poll        drain mailboxes, and what other threads posted
//	reap              completions: OnData, OnSent, OnClosed, OnAccept, DiskDone
//	ready tasks       within the task quota
//	submit, reap      the I/O of this round goes out as one system call
//	Hooks.Flush       the shell turns what it gathered into sends; they go out
//	timers
//	idle              spin for a while, then sleep in the kernel
//
// Work that completions bring is started in the same round, because in the
// other order it would wait for a whole quota of tasks.
//
// What arrives lies in receive buffers of the reactor's choice. A handler that
// knows better because a large frame has begun ([Filler]) names the place, and
// the kernel receives straight into it: io_uring ends its multishot receive for
// one that waits for all, epoll reads there, and what comes meanwhile is handed
// over as ever.
//
// Ready tasks belong to groups with shares ([Group]): background work does not
// keep requests waiting, and requests do not starve background work. Long work
// is cut into steps ([Step]) so that the quota holds.
//
// A reactor that does not get back to its loop is told of by a watchdog on
// another thread ([Watch]). A long round is taken apart into what the reactor
// did (CPU time, waiting in the kernel: a stall) and what was done to it (another
// thread on its processor, a stopped world: counted, no stall). A report carries
// the stack, which costs the process 0.3 ms at 10 goroutines and 1.6 ms at 1000,
// most of it without stopping anybody; a look costs the watchdog 6 µs a reactor,
// 80 times a second, and the reactor nothing but the store of its heartbeat: an
// idle round took 36 ns before there was a watch and 32 ns after (median of 15
// interleaved runs each, 24 at best for both), no difference to be seen.
//
// Falling asleep loses no wake-up: the reactor raises its sleeping flag, looks
// at everything once more, and only then blocks; a sender publishes its message
// first and looks at the flag afterwards. Whoever lowers the flag writes to an
// eventfd, so a batch of senders pays for one wake-up and a busy reactor for none.
//
// The sleep is a raw system call: the Go scheduler is not told, the thread keeps
// its P, and GOMAXPROCS must exceed the number of reactors. The collector still
// gets through, because its preemption signal ends the call; never run with
// GODEBUG=asyncpreemptoff=1.
//
// Except for Stop, Wake, Post, Sleeping and what reads counters and facts, every
// method belongs to the reactor's thread. The loop allocates nothing in steady state:
// streams, slots and queues are reused, and callers own and reuse their DiskOp,
// Timer and Chain.
package reactor
