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
// ceteris selftest --statistics runs it: 2,000 experiments on each of four queues,
// half an hour on one core. TABLE.txt is what it printed with seed 1; of twelve
// blocks, on hosts that add no noise to single cells, in per cent:
//
//	queue      of    level  covered    A/A called  +10 % found  called equal on the edge
//	M/M/1 0.5  p50   95.8   95.6-96.4  0.5-0.7     100          1.6-2.2
//	           p99          95.7-96.0  0.6-0.7     96.0-97.3    2.0-2.5
//	M/M/1 0.7  p50          95.3-95.8  0.4-1.0     100          1.8-2.2
//	           p99          94.8-95.3  0.7-1.0     100          3.5-3.9
//	M/D/1 0.5  p99          94.5-96.4  0.0-0.8     100          1.9-4.2
//	M/D/1 0.7  p99          94.5-95.5  0.0-0.6     100          3.1-4.6
//
// Hosts on which the arms' cells are noisy too stay between 95.0 and 96.7 % covered.
//
// What is promised, and why not more:
//
//   - Intervals cover 93 to 97 % at twelve blocks, which are printed with 95.8 %. In a
//     window of 1,000 relaxation times the log ratio of two p99 is skewed to the
//     right (0.3 at M/M/1, 1.0 at M/D/1 0.5, half of that in a window four times as
//     long), so that its pseudo-median, which a signed-rank interval is about, lies
//     below the logarithm of the true ratio.
//   - For the same reason two one-sided tests at 5 % call arms equal in up to 10 % of
//     experiments whose true ratio lies on the upper edge of the rope. The report
//     therefore demands that the whole 95 % interval lie within it, which errs in
//     less than 5 %.
//   - Nothing is promised of the p50 of M/D/1 (starred). At load 0.5 it is the service
//     time itself, where half of the requests pile up on one value: the estimate can
//     err to one side only. At load 0.7 that of the slower arm is exactly two
//     service times, where the density falls to about half: an estimate moves twice as far
//     to the right as to the left, in a window of any length, and 92.8 % are covered.
//   - An interval of one window alone, by the bootstrap over its 40 intervals, covers
//     86 to 89 %, the textbook one that takes requests for independent 28 to 61 %.
//
// # Runs that end by the width of their intervals
//
// An interval that ends a run (stop.width of an experiment) was narrow enough in part
// because the blocks lay close by chance. Of normal log ratios, from six blocks on, looked at after
// every block, 4,000 experiments each, it holds the truth in 96.3, 96.2, 94.1, 92.5 and
// 93.3 % where the spread of blocks is 0.8, 1, 1.4, 2 and 2.4 times the width, with 7,
// 8, 11, 18 and 25 blocks; from twelve on in 95.8 to 93.7 %. 95 to 97 % are printed,
// and the report of such a run says that they are up to three too many.
//
// # Warm-up that is not over
//
// The same queues, in windows of 20 intervals that begin steady, empty or with a
// backlog, show what steady.truncate does (TRANSIENT.txt, 200 experiments, seed 1).
// A backlog of 1 % of the window's requests makes the p99 of M/M/1 at load 0.5 twice
// what it is (69 % on the log scale), one of 5 % 87 times, and the intervals hold the
// true ratio in 1 and 0 %. What MSER leaves errs by -0.8 %, and its intervals hold it
// in 98 and 99 %. At load 0.7 a backlog of a quarter of the window is never over
// within it: every cell is told, and nothing is dropped. The price: of a queue that
// was steady all along a block of three cells drops 23 % of its windows, so that the
// error of a cell's p50 and p99 grows by a fifth, and because what was dear by chance
// at the beginning goes first, p99 is low by 0.6 to 1.5 % more, in all arms alike.
// An empty start alone is no reason: with these windows nothing can be seen of it.
// That is why truncation has to be declared and is none by default.
//
// What the simulation cannot show is that a machine behaves like it; that is what
// the A/A floor of every experiment is for.
package coverage
