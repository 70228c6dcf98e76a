// Package audit looks for what would make a result worthless, whether somebody
// cheated or something broke: cells that were left out, run again or run in
// another order than the recorded seed gives; arms that did not get the same
// requests, memory or CPUs; numbers that the histograms do not bear out.
//
//	manifest + seed ──> the plan      ──┐
//	load.json + seed ──> the requests ──┼── compared with what the files say ──> lines
//	*.hlog          ──> the counts    ──┘
//
// Everything here follows from files. Whether another seed would have led to
// another conclusion does not: for that, `ceteris audit --rerun` runs it.
package audit
