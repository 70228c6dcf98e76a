// Package report turns a result directory into what people read: analysis.json,
// tables, figures, one HTML page that needs neither a network nor a script, and
// a headline for the terminal.
//
// Everything is computed from the raw files of the run, the merged histograms
// above all, and from nothing else: no clock, no path, no machine. Building
// twice gives the same bytes, which is how [Verify] tells that figures follow
// from what was measured.
//
//	result.Run ── gather ──> groups of points of runs ── compare ──> Analysis
//	                                                                   │
//	             headline, tables/, figures/, report.html, analysis.json
//
// Only cells that passed their gates count, and the report says which did not
// and why. A load at which an arm fell behind in half of its runs is saturated: its response times
// measure how long the run was, so they are shown, marked, and not compared.
package report
