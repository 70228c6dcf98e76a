// Package experiment turns an experiment file into a result directory.
//
// The plan is a randomised complete block design: a block holds every arm and a
// second run of one of them (the A/A null) at every load of every workload, in
// an order drawn from the recorded seed, in which the arms of each load take turns
// in coming first. What a block compares has been measured
// minutes apart on one machine, so the block is the unit of inference.
//
// A cell is one fresh broker process on a fresh data directory under one load:
//
//	settle the disk → start the broker, pinned → read the pinning back →
//	start the generator → (measure-start) reset stages, read counters →
//	sample once a second → (measure-end) read counters and stages →
//	stop the broker, exit 0 → gates → record → delete the data
//
// The two sides are processes of this same binary, bound to their CPUs before
// their first instruction. The journal says which cells are done: a run that was
// interrupted, by a signal or a crash, goes on at the next cell.
package experiment
