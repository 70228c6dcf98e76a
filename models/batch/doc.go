// Package batch is Kafka's record batch, format version 2: what producers send,
// what the log stores and what consumers receive are the same bytes.
//
// The header, big-endian (source: Kafka's public protocol and log format):
//
//	 byte 0                  8           12          16   17
//	      ┌──────────────────┬───────────┬───────────┬────┬───────────┐
//	      │ base offset      │ length    │ leader    │ 2  │ CRC-32C   │
//	      │ int64            │ int32     │ epoch i32 │ i8 │ uint32    │
//	      ├──────┬───────────┼───────────┴──────┬────┴────┴───────────┤
//	   21 │ attr │ last offs │ base timestamp   │ max timestamp       │
//	      │ i16  │ delta i32 │ int64, ms        │ int64, ms           │
//	      ├──────┴───────────┼───────┬──────────┴─┬───────────────────┤
//	   43 │ producer id      │ epoch │ base       │ count             │
//	      │ int64, -1 none   │ i16   │ seq. i32   │ int32             │
//	      └──────────────────┴───────┴────────────┴───────────────────┘
//	   61   records, one blob of the codec when compressed
//
//	attr  bits 0-2 codec (0 none 1 gzip 2 snappy 3 lz4 4 zstd)
//	      bit 3 timestamps are the log's append time   bit 4 transactional
//	      bit 5 control batch                          bit 6 delete horizon
//
// length counts what follows it, so a batch occupies 12 + length bytes. The
// CRC covers byte 21 to the end: the two fields a leader assigns (base offset,
// leader epoch) lie in front of it, and an append patches 12 bytes without
// touching the checksum.
//
// A record (all integers zig-zag varints, except the attribute byte):
//
//	length │ attr i8 │ Δ timestamp │ Δ offset │ key length, key
//	       │ value length, value │ count of headers, {key length, key, value length, value}…
//
// A negative length is null, as in Kafka, except for a header's key.
//
// # What is refused, and how
//
// The codes are those of Kafka's own broker for Produce v3 and above, because
// clients retry on some and give up on others:
//
//	CORRUPT_MESSAGE               the CRC, or a length no batch can have (retriable: a bit flipped on the way)
//	INVALID_RECORD                no batch, a truncated one, more than one, magic 0 or 1, a base offset other
//	                              than 0, a count that is not last offset delta + 1, a control batch, a
//	                              sequence or transaction without its producer, records that do not parse
//	UNSUPPORTED_COMPRESSION_TYPE  codec 5 to 7
//	MESSAGE_TOO_LARGE             more bytes than the topic's max.message.bytes
//	INVALID_TIMESTAMP             a producer that claims append time
//
// Magic 0 and 1 get INVALID_RECORD rather than UNSUPPORTED_FOR_MESSAGE_FORMAT:
// the latter says that the log's format is too old for the request, and Kafka
// refuses an old batch in a new Produce with the former.
//
// [Validator.Walk] reads every record of every batch, as Kafka does, and
// decompresses compressed ones for that alone; the bytes stored are the bytes
// received. It costs CPU that both models pay alike. Without it a producer that
// lies about its largest timestamp would break the time index, and one that
// lies about offsets would break every consumer.
package batch
