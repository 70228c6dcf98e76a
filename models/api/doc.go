// Package api is what the broker does with each request: one file per API key,
// named by the key.
//
// A file begins with the versions served, what the API does, and what each
// version changed. Every API is three pure steps that a shell runs where its
// model wants them to run:
//
//	Split   cuts the request into parts by owner      where the request is
//	Apply   runs one part against its partition       where the partition is
//	Join    builds the response from the parts        where the connection is
//
// Produce and Fetch are operations that a shell keeps and reuses ([Produce],
// [Fetch]); they allocate nothing once their slices have grown. Between Apply
// and Join a shell does the I/O its own way: it writes the records and commits
// the log, or loads the bytes of an extent, and it waits until the high
// watermark or the bytes or the time is there. The other APIs answer from the
// metadata image, or are cut by partition as a [PartOp].
//
// Nothing here knows which broker calls, reads a clock or blocks, except what
// [Control] does for the few APIs whose [Place] is Controller.
package api
