// Package coverage puts the arithmetic of package stats to the proof: it simulates
// experiments whose answer is known and counts how often what would be printed is
// right.
//
//	gaps (one trace per block) -> FCFS queue per cell -> HDR histogram -> p50, p99
//	  -> host noise -> stats.Compare over blocks -> interval, verdict -> tally
//
// The queues are M/M/1 and M/D/1, whose response-time quantiles are known in
// closed form, so the true ratio of two arms is too. The cells of a block share
// their arrivals, as in an experiment, and draw their own service times. Nothing
// from the comparison onwards is written twice: it is the code of the report.
//
// What the simulation cannot show is that a machine behaves like it; that is what
// the A/A floor of every experiment is for.
package coverage
