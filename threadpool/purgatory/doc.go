// Package purgatory holds requests whose condition is not met yet: Kafka's
// delayed operations.
//
// An operation waits under one or more keys. Whoever changes the state behind a
// key calls CheckAndComplete and completes what has become ready on its own
// thread; a producer's handler so pays for the consumers it wakes. An operation
// that nothing completes in time is completed by the purgatory's one expiry
// thread.
//
//	watch    check ─▶ add to the list of every key ─▶ check again ─▶ timer
//	lists    512 shards by key hash, each a lock over key ─▶ operations
//	timer    wheels of 20 buckets; the first turns 1 ms a bucket, each further
//	         one a whole turn of the wheel below; a bucket that comes due
//	         expires its entries or moves them one wheel down
//
// The second check closes the gap in which the state changed after the first
// check and before the operation could be found under its keys. Completion is
// decided by one compare-and-swap, so it happens once whoever wins. Completed
// operations stay in the lists of their other keys until somebody walks by, or
// until so many have gathered that the expiry thread purges every list.
package purgatory
