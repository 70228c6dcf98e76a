// Package threadpool is Kafka's own concurrency model: work is handed from
// thread to thread through queues, and state is shared under locks.
//
//	client ─TCP─▶ acceptor        one; deals connections round robin, at most 20 wait for a processor
//	                 ▼
//	              processor       num.network.threads; own epoll; frames and decodes; then offers the
//	                 │            request (blocks when the queue is full) and mutes the connection
//	                 ▼
//	              request queue   ONE, queued.max.requests
//	                 ▼
//	              handler         num.io.threads; appends or reads under the partition's and the log's
//	                 │            lock; encodes the response; drains its actions
//	                 ├─▶ purgatory: long polls and unsynced appends; completed by other handlers
//	                 ▼
//	              response queue  one a processor, unbounded; wakes the processor if it sleeps
//	                 ▼
//	              processor       writes, file ranges by sendfile; then unmutes the connection
//
// # Threads
//
// With threads=os each of these is a goroutine locked to an operating system
// thread that waits in the kernel (package kernel says how), so the kernel
// schedules the pool as it schedules Kafka's. With threads=pinned each is bound
// to one of the broker's CPUs besides, in turn. With threads=goroutine they are
// plain goroutines: the queue is a Go channel, locks are Go's, and an epoll
// instance is waited for through Go's netpoller.
//
// With network=uring a processor waits by a ring instead of its epoll instance,
// and the receives, or sends, of one step of its round go to the kernel in one
// call (ring.go); the acceptor keeps epoll, file ranges go by sendfile. With
// memory=arena it has a region of its own off Go's heap (region.go). With
// disk=direct the write of an append is an aligned one to the device, on the same
// thread under the same lock (directfile.go). None of these moves a step to
// another thread.
//
// # Idling
//
// A processor or handler without work polls for the spin budget before it
// sleeps where polling has lately paid (package pace, as in the other model), but
// only while no more threads of the pool are awake than there are processors to
// run them on: a spinner that keeps the thread it waits for from
// running is a straw man; with threads=pinned both are counted CPU by CPU. At most
// one handler polls the queue at a time. A put wakes one sleeping handler, and
// that one the next if it finds more work, so a burst does not wake eight threads
// for what one does meanwhile.
//
// # What Kafka does otherwise
//
// A receive reads as much as the socket has, up to the frame it expects, where
// Kafka reads the size first; muting is a flag over an edge-triggered socket
// instead of an epoll_ctl each way. Both save system calls and change nobody's
// turn. At durability=power appends are synced in groups, which Kafka does only
// across replicas: an append waits in the produce purgatory for the sync that
// covers it. commit=each is Kafka's flush.messages=1.
package threadpool
