// Package crate describes a result as an RO-Crate (version 1.1, Ó Carragáin and
// others, w3id.org/ro/crate/1.1): ro-crate-metadata.json says in linked data what
// every file is for, which program made it, from which experiment file, on which
// machine, and under which licence, so that an archive can take the directory as
// it is.
//
//	result directory ── files, manifest, journal ──> ro-crate-metadata.json
//
// It is made from the files beside it and from nothing else, so that making it
// again gives the same bytes; [Verify] does. The sums of the files are in
// CHECKSUMS, which has this one's too. Results of older versions have none.
package crate
