// Package models is the contract between the two brokers and everything that
// starts, configures or compares them.
//
// A model is one way to let work meet threads. Both models store the same
// bytes, speak the same protocol and keep the same promises; what may differ is
// named in [Factors], one field per difference, so that an experiment can walk
// from one model to the other a step at a time. Whatever is not a factor lives
// in the packages below this one and is shared by construction.
//
// The packages below hold state machines. They read no clock, own no thread,
// take no lock and open no socket; a broker calls in, learns what has to happen
// (write these bytes there, answer that connection), does it in its own way and
// reports back. The exceptions are the packages whose job it is: disk, uring,
// arena and cluster, and the cold paths of log (open, seal, recover).
package models
