// Package host knows the machine an experiment runs on: which CPUs this process
// may use, how to give some to the broker and others to the generator, whether
// a process really runs where it was put, what else the machine was doing
// meanwhile, and how far measurements from it can be trusted.
//
// Everything is read from /proc and /sys below a root directory, so that tests
// hand in a machine of files. What cannot be read is reported as not available
// and never as zero. On systems other than Linux the package builds and says of
// every question that it cannot be answered there.
package host
