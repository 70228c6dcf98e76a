// Package arena is the memory of one thread, a shard or a network thread of the
// pool: a slice of --memory that is mapped once and cut into spans without asking
// the Go heap.
//
//	region   ┌──────────────┬───────┬───┬─┬─┬──────────────────────────────┐
//	         │ 128 KiB span │ 64 KiB│16 │4│S│ free, order 9 (2 MiB)        │
//	         └──────────────┴───────┴───┴─┴─┴──────────────────────────────┘
//	S, one 4 KiB page of small objects:   512 B × 8,  1 KiB × 4  or  2 KiB × 2
//
// Spans are 2^n pages of 4 KiB in a buddy system, so every span of a page or
// more may take part in O_DIRECT I/O. Freed spans of up to 128 KiB, the sizes of
// the data path, wait on short lists for the next request of their size; only
// when a list is full or memory runs out do they merge with their buddies.
// Spans above 128 KiB work and are counted, because they break the memory up.
//
// Only the owner thread allocates. A buffer may be released anywhere: on a
// foreign thread it is pushed on a lock-free list that the owner drains. Running
// out is an answer (nil), never a panic: the caller borrows, reclaims or refuses.
//
// The package uses unsafe for two things that Go has no other word for: the
// address of the mapping (alignment) and mbind(2).
package arena
