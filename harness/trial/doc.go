// Package trial runs one broker under one load once, outside of any experiment:
// what the instrument's own checks are made of. Nothing of a trial is kept but
// what its caller takes from it.
package trial
