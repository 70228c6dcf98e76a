// Package conformance runs the suite of models/modeltest over both brokers. It
// has tests only: the suite itself may not know the models, and they may not
// know each other.
package conformance
