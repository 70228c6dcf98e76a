// Package staging is append chunks that outlive their process: the format of a
// shared file mapping that a broker appends to and acknowledges from before its
// device writes complete, and the replay that any broker does after kill -9.
//
//	<data>/staging/shard-000
//
//	┌────────┬────────────────────┬──────────────┬──────────────┬───
//	│ file   │ slot 0, slot 1, …  │ chunk 0      │ chunk 1      │
//	│ header │ 128 bytes each     │              │              │
//	└────────┴────────────────────┴──────────────┴──────────────┴───
//
// A slot is live while its chunk holds bytes of which the device may not have
// all. Its header says which piece of which segment the chunk is and where to
// begin reading; its checksum tells a header from half of one. Where the content
// ends no header says, because that would have to be written with every append:
// batches follow each other until one is not whole, not intact, or does not
// continue the offsets. What lay in the chunk before must not be taken for
// content, so behind the last batch there are always [GuardBytes] zeros, which
// no batch begins with, and a batch is stored in the order of [Part]: its length
// last.
//
// A mapping is as reliable as the page cache, which goes with the machine. A
// file is therefore worth something only until the machine that wrote it starts
// anew, and says which start of the machine it belongs to.
package staging
