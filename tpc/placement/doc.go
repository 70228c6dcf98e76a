// Package placement decides which partitions should live on another shard. It
// knows nothing of threads, clocks or partitions: it is told what each partition
// has cost in an interval and answers with moves.
//
// The cost of a partition is the part of one CPU that it takes, in thousandths,
// as an exponentially weighted mean. Only what would move with the partition
// counts: decoding a request and sending its answer are the connection's shard's
// and stay there.
//
// Three things keep it from moving for nothing. The busiest shard must be well
// above the mean for several intervals in a row. Every move must lower the
// busiest shard's load by more than the move costs. And a partition that has moved rests.
// Each move lowers the sum of the squared loads by a least amount, so under
// a constant load the moves end.
package placement
