// Package cluster is what the brokers agree on: which topics there are, with
// which ids, partitions, owners and settings.
//
// An [Image] is immutable. A [Command] carries everything that is not
// determined by the image before it (ids, owners), so that applying the same
// commands in the same order gives the same image anywhere:
//
//	image ──Apply(CreateTopic{…})──▶ image' ──Apply(DeleteTopic{…})──▶ image''
//	  │                               │
//	  └ readers go on with what       └ saved before it is published
//	    they hold, without a lock
//
// Whoever runs the commands (one controller on a single node) saves an image
// before publishing it. It is stored in the cluster directory beside the logs,
// never among them: Kafka refuses to load a log directory with strange files.
//
//	<data>/cluster/image.json   replaced atomically and synced
package cluster
