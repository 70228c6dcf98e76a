// Package compact makes of a log one that has of every key the last record. It
// is a state machine over a log's sealed segments: what it reads and writes it
// does in pieces that may block, what it computes in pieces that are short, and
// what it changes in the log in one step of the log's writer. The two brokers
// decide on which thread each of these runs.
//
//	Examine   which log is dirtiest, and how far it may be compacted
//	Begin     remember what the writer knows
//	IO, CPU   fill the map: key → offset of its last record, over the dirty part
//	IO, CPU   per group of segments: copy what the map does not supersede
//	Swap      the new segment takes the place of the group's
//	IO        the old files go; next group; the checkpoint when all are done
//
// Records keep their offsets, batches the range they cover. A tombstone outlives
// what it deletes by delete.retention.ms, counted from the round that first saw
// it and remembered in the batch (KIP-534). The batch with a producer's last
// sequence stays, if only as a header, so that idempotence survives.
//
// The active segment is never touched, and nothing above the limit that the
// shell gives: the high watermark, and no more than has been synced.
package compact
