// Package uring is Linux's io_uring as one thread sees it: two rings in memory
// shared with the kernel, and one system call to hand over a batch and to wait.
//
//	we write                      kernel writes
//	SQE array  ┌──┬──┬──┬──┐      CQ ring ┌──┬──┬──┬──┬──┬──┬──┬──┐
//	           │  │██│██│  │              │  │  │██│██│██│  │  │  │
//	           └──┴──┴──┴──┘              └──┴──┴──┴──┴──┴──┴──┴──┘
//	            head ↑   ↑ tail            we move head ↑       ↑ tail
//	          (kernel)   (we)
//
// The rings are indexed by free-running 32-bit counters, masked at use. The one
// who moves a counter publishes what lies before it: our stores of the SQ tail
// and CQ head and our loads of the other two are sequentially consistent
// atomics, which is more than the acquire and release that the interface asks
// for, on amd64 and arm64 alike.
//
// A ring belongs to the OS thread that made it (SINGLE_ISSUER): lock the
// goroutine to its thread before [New] and until [Ring.Close]. With
// DEFER_TASKRUN completions appear only when that thread enters the kernel;
// [Ring.NeedsEnter] tells from memory whether that would bring any.
//
// Memory given to the kernel is the caller's to keep alive and unmoved until
// the completion: the kernel's reference is invisible to the garbage collector,
// and stacks move. Nothing that an SQE points to may live on a stack.
//
// unsafe is used to address the shared rings, to lay out kernel structures, and
// to turn buffers into addresses.
package uring
