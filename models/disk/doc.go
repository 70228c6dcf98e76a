// Package disk is the file system as logs see it: a small interface that the
// real one, a faulty one in memory and an O_DIRECT file all satisfy.
//
//	FS ── OS     the real file system; fdatasync and O_DIRECT where there is Linux
//	   └─ Mem    memory; forgets what was not synced, fails and fills up on demand
//
// Everything here blocks. A broker that must not block submits the same bytes
// through its own ring, using [File.FD] and the alignment that [OpenDirect]
// found; the cold paths (create, seal, recover, checkpoint) come through FS.
//
// Reports are drawn on machines that run no broker, so the package compiles
// everywhere; only [LockDir] and [OpenDirect] insist on Linux.
package disk
