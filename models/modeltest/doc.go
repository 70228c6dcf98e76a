// Package modeltest is the suite that every broker model has to pass: one list
// of scripts, each a sequence of requests, run over real connections.
//
// A script gives the same bytes whoever answers, so the first model's answers
// are what the second is measured by: transcripts are compared byte for byte,
// and after a clean stop so are the segments, indexes, snapshots and checkpoints
// that each left behind. What must not depend on an agreement of two wrongs (a
// code, a count, an offset) the script also states itself.
//
//	Point      a model, its shards and its factors         point.go
//	Tape       one run of a script: connections, answers   tape.go
//	Script     what is asked, life by life of the broker   script_*.go
//	Child      a broker in a process of its own            child_linux.go
//	Load       producers that know what was acknowledged   load.go
//
// Timestamps in batches are fixed, ids follow from the history, and the broker
// listens on the same port each time. What depends on when something happened
// (which of two batches a waiting fetch sees first) no script asks.
//
// The package knows models by name only. Whoever links them in runs the suite.
package modeltest
