// Package iobuf is memory that travels: reference-counted buffers that know
// their owner, and chains of pieces that make up a response.
//
//	Chain   ┌────────────┬───────────────────────┬────────┬──────────────┐
//	        │ head bytes │ records (Buf, shared) │ bytes  │ file range   │
//	        └────────────┴───────────────────────┴────────┴──────────────┘
//
// A buffer comes from an Allocator (a shard's arena, or the heap) and returns
// there when its last reference is released, on whichever thread that happens.
// The releasing thread says which allocator is its own, because Go has no
// thread-local storage and the owner has to know whether the free is local.
package iobuf
