// Package check reads a log directory the way Kafka's dump-log tool does and
// says everything that is wrong with it, one line a problem.
//
// It shares the batch format with the brokers and nothing else: indexes,
// snapshots and checkpoints are decoded here a second time, so that a mistake
// of the log package does not hide itself.
//
//	file                      what must hold
//	<offset>.log              batches back to back from byte 0 to the end; CRC-32C; records that parse; offsets
//	                          without gaps, from the file's name on; leader epochs that do not fall; the header's
//	                          largest timestamp is that of the records
//	<offset>.index            8-byte entries, offsets and positions rising; at each position starts a batch whose
//	                          last offset is the entry's
//	<offset>.timeindex        12-byte entries, timestamps and offsets rising; a batch ends at each offset and its
//	                          largest record timestamp is the entry's; a sealed segment's last entry is its maximum
//	<offset>.snapshot         version 1, CRC-32C, as many entries as stated
//	<offset>.txnindex         34-byte entries of version 0
//	leader-epoch-checkpoint   version, count, rising epochs at rising offsets
//	partition.metadata        version and topic id
//	anything else             does not belong there
//
// Only the last segment may have zeros behind the entries of an index, because
// a broker that still runs may preallocate it. Behind the last batch of a .log
// nothing may follow; a log that was not closed can hold blocks written ahead
// there, which recovery cuts off.
package check
