// Package workloads says what is asked of a broker: the experiment file a user
// writes, and the arrivals, sizes, keys and payloads that follow from it.
//
// A file is read strictly. A key that is not known, a value of the wrong type
// and a value that cannot be meant are errors that name file, line and column,
// because a benchmark that ignores a misspelt setting measures something else
// than its author believes.
//
// Everything random is a pure function of (seed, index). Two brokers that are
// given the same experiment therefore receive the same bytes at the same
// offsets in time, whichever runs first and however slowly it answers, and a
// generator that falls behind cannot bend the schedule it is late for. Each
// dimension (arrivals, partitions, connections, sizes, payloads) draws from a
// seed of its own, so that changing one leaves the others as they were.
//
// The schedule uses integers only: a constant rate is i/rate rounded down once
// per event, and exponential gaps are fixed-point numbers whose sum is exact.
// Nothing drifts over a long run, and two rates with one seed walk through the
// same gaps scaled.
package workloads
