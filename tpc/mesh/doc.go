// Package mesh is how shards talk: a ring for every ordered pair of shards,
// with one writer and one reader each, so that no message needs a lock or an
// atomic read-modify-write.
//
//	           head (reader)          tail (writer, published)   staged (writer)
//	             ▼                         ▼                        ▼
//	slots  ┌───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┐
//	       │   │ m │ m │ m │ m │ m │ m │ s │ s │ s │ s │ s │ s │   │   │
//	       └───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┘
//	                readable              written, not yet seen      free
//
// Send writes into the ring and shows nothing; Flush, once per loop round, shows
// a round's messages with one store and wakes the reader only if it sleeps. The
// reader takes a batch and gives the room back with one store. Each index lies
// on cache lines of its own, and each side works from a copy of the other's.
//
// The alternative, one queue for each reader that all others write to ([Inboxes]),
// stands behind the same interface ([Carrier]) for comparison. One thread playing
// both sides, on a busy virtual machine of two cores, median ns of ten runs:
//
//	                          mesh   inboxes
//	a hop, flushed alone        36        46
//	a hop, flushed by 16        12        19
//	idle round, 2 shards        14         8
//	idle round, 8 shards        42        10
//	idle round, 32 shards      243         8
//
// So the mesh is cheaper for each message and the inbox for each look. What
// contention between writers costs takes more cores to measure than that.
//
// What travels may be a reference to memory that stays where it is: package iobuf
// counts it and sends it home to be freed.
//
// Requests belong to groups ([Services]) that bound what each has in flight, so
// that a flood of one kind starves no other, and that wait for each other along no
// cycle. Replies need no place: whoever has one gets done.
package mesh
