// Package telemetry is what a broker says of itself: the stage clock of every
// request, counters, histograms, and the admin port that serves them.
//
// Everything that is written on a hot path has exactly one writer, so that no
// record costs an atomic read-modify-write, a lock or an allocation:
//
//	thread 0 ── Recorder ──┐  banks change hands when     ┌── /metrics  Prometheus text
//	thread 1 ── Recorder ──┼─ a scrape asks, at the ── Registry ── /stages   HdrHistogram log
//	thread n ── Counter  ──┘  thread's next Poll          └── /stages/reset
//
// A request's life is ten stamps, t0 to t9, and nine stages between them:
//
//	t0      t1     t2    t3      t4    t5     t6     t7              t8           t9
//	├Receive┼Decode┼Offer┼Handoff┼Local┼Remote┼Encode┼ResponseHandoff┼ResponseSend┤
//	        └─── RequestQueue ───┘            └──── ResponseQueue ───┘
//	└────────────────────────────────── Total ───────────────────────────────────┘
//
// The nine in the upper row partition the total: their sums add up to its sum
// exactly. The rows below are views in the words of Kafka's RequestMetrics, which
// knows only some of the seams. Quantiles of stages do not add up; only sums do.
package telemetry
