// Package wire is Kafka's framing and codec.
//
// A request on the wire, and what [ParseHeader] makes of it (header version 1
// ends after the client id, version 2 adds tagged fields):
//
//	┌────────┬─────┬─────────┬───────────────┬───────────┬────────┬────────────┐
//	│ size 4 │ key │ version │ correlation 4 │ client id │ tags   │ body …     │
//	│        │  2  │    2    │               │ 2 + n     │ (v2)   │            │
//	└────────┴─────┴─────────┴───────────────┴───────────┴────────┴────────────┘
//	         └ the frame ────────────────────────────────────────────────────┘
//
// A response is size, correlation id, tagged fields (header version 1 only) and
// body. Whether a version is flexible, that is, has tagged fields and compact
// lengths, is asked of kmsg once at start and kept in a table; the response to
// ApiVersions never has header tags, because the client that asks does not know
// yet what the broker speaks.
//
// Produce and Fetch are the data path. They have views of their own that alias
// the frame, keep their slices from one request to the next and allocate
// nothing, and encoders that append. Every other API goes through kmsg, after
// the frame's size has been checked.
//
// Everything here is a pure function of bytes. No count in a request is believed
// before as many bytes are known to be there.
package wire
