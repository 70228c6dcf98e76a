// Package busywork is service time that an experiment injects: CPU work of a known
// law in every part of a produce request, where the request's own work begins.
//
// Both models and the null broker do it at the same stop, so that what queueing
// theory says of one queue before several servers, or of several queues, can be
// met by brokers whose own work is small beside it: tpc on the thread of the
// partition's owner, threadpool on a handler's before it takes any lock, null on
// the shard's.
//
// # Why CPU time
//
// A sleep would free the processor, and a wait for a moment would end at once for
// a thread that had lost it meanwhile: eight handlers that wait on one processor
// serve eight requests in the time of one. A number of iterations, measured at the
// start, differed by a tenth between brokers that started one after the other on
// a shared machine, which would have passed for a difference between models. So a
// service ends when the thread has had its time of a processor by the kernel's
// own account (CLOCK_THREAD_CPUTIME_ID). It is up to half a µs longer than drawn:
// the clock is a system call.
package busywork
