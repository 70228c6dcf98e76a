// Package floor is the null broker: the shard-per-core reactor, its memory and
// its disk with no broker between them. It accepts Produce and Fetch, stores
// nothing and answers success, which makes it two things: the floor that every
// model is measured against, and the certificate of the load generator, which
// has to be able to drive it several times faster than any real broker.
//
// With the setting append=true each shard appends whole frames to one file with
// the disk path of model tpc (aligned chunks, one write in flight, zero-filled
// ahead) and answers when the device has them.
//
// Any client can drive it: ApiVersions, Metadata, CreateTopics and the rest come
// from models/api over an image in memory. What it says about records is fixed:
// every offset is 0 and every fetch is empty.
package floor
