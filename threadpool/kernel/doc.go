// Package kernel is how the pool's threads wait and move bytes: futexes, epoll
// and sockets by raw system call.
//
// A thread of the pool is a goroutine locked to an operating system thread. A
// Go channel or sync.Mutex between two of those costs 30–50 µs, because each
// wake-up hands a scheduler slot from thread to thread, and a blocking call
// through package syscall gives the slot away after a while. So the threads
// wait as Kafka's do, in the kernel, and keep their slot meanwhile:
//
//	nap    raw call, at most [NapNs]; the slot stays, waking costs the kernel's 1–20 µs
//	sleep  call through package syscall, after a nap that nothing ended; the
//	       slot becomes free, so an idle pool neither starves the collector nor
//	       is preempted by it 50 times a second and thread
//
// A raw call delays a stop of the world until it returns. Go interrupts it with
// SIGURG, which the kernel turns into EINTR only for calls it does not restart:
// epoll_wait always, FUTEX_WAIT only when it has a timeout. Hence every futex
// wait here has one.
//
// unsafe is needed in this package alone, to hand addresses to the kernel: Go's
// wrappers either go through the scheduler or have no raw form.
package kernel
