// Package probe is a second client beside a load: few requests, one at a time, on a
// connection and a topic of its own. It is written with the standard library, kmsg
// and plain system calls, and shares no line with the generator, so that an error of
// the generator's clock, its parser or its books is not in it too.
//
//	broker up   Start: a thread, bound to a CPU; waits for the load's topic, makes its
//	            own, finds its leader, connects, asks a few times without counting
//	window      Begin … End: one request every 1/PerSec s; a request that is due while
//	            the one before is unanswered counts from when it was due
//	End         Summary and histogram, in which what was due and is unsent has waited till then
//
// The wait for an answer is a blocking system call on the probe's own thread: no
// event loop, no scheduler of Go stands between the kernel and the reading of the
// clock. On the generator's CPU it goes first where the system allows that, for some
// tens of µs a request, and its cost there is in the summary.
package probe
