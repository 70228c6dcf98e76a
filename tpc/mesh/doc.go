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
// A mesh carries one group of messages. What must not be starved by another
// group gets a mesh of its own; requests and their replies are two groups, and a
// handler of replies sends no requests, so the groups form no cycle.
package mesh
