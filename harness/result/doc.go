// Package result is the directory an experiment leaves behind: its layout, its
// schema, and the rules by which it is written and read.
//
//	results/<experiment>/<utc>-<hash8>/
//	  manifest.json       what was planned: experiment, binary, revision, seed, order
//	  experiment.yaml     the experiment file as it was read
//	  env.json            the machine
//	  journal.jsonl       append-only: one line per event; what resuming goes by
//	  blocks/000/<cell>/  cell.json, {response,service,slip,e2e,stages}.hlog,
//	                      counters.csv, workers.csv, metrics-begin.txt, metrics.txt,
//	                      broker.json, server.log
//	  analysis.json tables/ figures/ report.html    made by package report
//	  CHECKSUMS           sha256 of every other file, written when the run is complete
//
// Raw files are written once and never changed: every number in a report can be
// computed again from the histograms, and CHECKSUMS says that they are the ones
// that were measured. A cell that went wrong is kept and marked, not deleted.
package result
