// Package log is one partition's log: what its bytes mean, where the next ones
// go, how a reader finds its offset, what a crash leaves. It is a state machine
// that describes I/O; the two brokers do that I/O in their own ways.
//
//	 Prepare           Roll, if asked        the shell writes        Commit
//	┌─────────────┐   ┌─────────────────┐   ┌────────────────┐   ┌────────────────────────┐
//	│ walk, check │ → │ seal the active │ → │ b at a.Seg,    │ → │ indexes, ring, producer│
//	│ sequence,   │   │ segment, start  │   │ a.Pos: pwrite, │   │ state, epochs; then    │
//	│ patch b     │   │ one at a.Base   │   │ or its chunk   │   │ Segment.Size, then LEO │
//	└─────────────┘   └─────────────────┘   └────────────────┘   └────────────────────────┘
//
// One thread at a time writes; readers need no lock, because everything they
// follow from the log's end downwards was published before the end was. Whether
// a committed batch is durable is not the log's affair: shells follow that with
// [Mark] and tell the partition. After a failed write the shell fails the
// partition and leaves the log as it is; the next start recovers it.
//
// Readers at the tail are served by a ring of the latest batches, all others by
// the sparse index of the segment and the headers behind the entry. Indexes live
// in memory, one pointer per 512 entries, and become files when a segment is
// sealed.
//
// # On disk
//
// The layout and every file format are Kafka's, so that its tools read a closed
// directory:
//
//	<data>/logs/.lock                              flock; the holder's process id
//	            meta.properties                    whose directory this is
//	            recovery-point-offset-checkpoint   below which everything is synced
//	            log-start-offset-checkpoint        where DeleteRecords moved starts to
//	            cleaner-offset-checkpoint          up to where compacted logs are compacted
//	            .kafka_cleanshutdown               there only while nobody has it open
//	            <topic>-<partition>/
//	                partition.metadata             the topic id
//	                leader-epoch-checkpoint        where each leader epoch began
//	                <base>.log                     batches, back to back
//	                <base>.index                   {int32 last offset - base, int32 position of the batch}
//	                <base>.timeindex               {int64 timestamp ms, int32 last offset - base}
//	                <offset>.snapshot              producer state at that offset
//
// Numbers in names have 20 digits, integers are big-endian. An index entry is
// made by the batch that finds more than index.interval.bytes behind it since
// the last entry (KAFKA-806); a time entry goes with it when the largest
// timestamp has risen, and one more on sealing.
//
// While a segment is written its file may be longer than its content, because
// blocks written ahead are cheaper to overwrite; sealing and closing cut it to
// size. After a crash every segment above the recovery point is read back:
// content ends where the first unsound batch begins (by length, CRC-32C, or a
// gap in the offsets, which means a lost write in between), segments behind
// such an end that do not continue it are removed, indexes and states are built
// anew. A segment wholly below the recovery point is trusted, and damage in it is
// an error, not a cut: what was synced is not thrown away in silence.
package log
