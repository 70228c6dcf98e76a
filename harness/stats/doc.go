// Package stats is the arithmetic by which two arms are compared. It is pure:
// numbers in, numbers or refusals out.
//
// The unit of inference is the block. Within a block two arms have been measured
// minutes apart under identical traffic, so each block gives one log ratio; the
// effect is the Hodges-Lehmann estimate over blocks with the exact interval that
// the signed-rank distribution gives. It assumes that blocks are independent and
// their log ratios symmetric about the effect, and nothing about latencies:
// requests within a cell queue behind one another, and an interval computed from
// them as if they were independent covers far less than it claims.
//
// Beside every effect stands the A/A floor, what the same estimate makes of two
// runs of one arm. What the data cannot carry is a refusal, which says why, and
// never a number. Percentiles are not averaged anywhere: whoever wants one over
// several cells merges their histograms first.
package stats
