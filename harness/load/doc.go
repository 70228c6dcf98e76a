// Package load offers a workload to a broker and measures what comes back.
//
// # Time
//
// The generator is an open loop. Every request has an intended time, fixed
// before the run by the workload's seed; three histograms follow from it:
//
//	response = acknowledgement − intended time   what a user waits
//	service  = acknowledgement − actual send     what the broker takes
//	slip     = actual send − intended time       what the generator adds
//
// A broker that stalls delays requests that are due meanwhile; their response
// time contains the wait, so nothing is omitted. A request that is late is sent
// at once and none is left out. One that cannot be sent because its connection
// has its cap of requests outstanding is counted as a cap hit and waits in that
// connection's queue, or, where the workload says late: drop, is never sent. A
// request that fails, is outstanding when the run gives up, or was due and never
// sent, enters the histograms as censored, at the timeout or above it, and is
// counted; so does a record that never reaches a consumer.
//
// A request to several partitions is acknowledged when all of them are.
//
// Quantities belong to the interval of their intended time, so the intervals of
// two runs of one seed hold the same requests. While a backlog is there, every
// request that falls due waits for it, so the response times of the first interval
// without a wait say when the backlog was gone; a request that was never answered
// is in the interval in which it was due, at the value at which it was given up.
// What happened by the clock, acknowledgements and what was waiting at the end of
// each interval, is in timeline.csv.
//
// # Drivers
//
// The raw driver encodes Produce frames itself and serves its sockets from one
// or more locked threads, each with its own epoll; it is the broker-only view.
// The franz driver is franz-go with every option set and echoed; it is what a
// Go user of either broker gets.
//
// # Oracle
//
// A record value that has room for it starts with
//
//	offset  size  field
//	0       8     intended time, CLOCK_MONOTONIC ns, big endian
//	8       8     stream (connection, high 16 bits) and sequence in it (48 bits)
//	16      4     CRC-32C of the bytes after the header, then of the first 16
//
// The CRC covers the rest of the value first, so that a template's own part is
// summed once and a send costs 16 bytes. Tail consumers check every record's
// CRC and the order of every stream in every partition: loss, duplicates and
// reordering are counted while the load runs.
package load
