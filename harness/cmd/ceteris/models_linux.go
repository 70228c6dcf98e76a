package main

// The models register themselves when they are linked in.
import (
	_ "github.com/ceteris/ceteris/harness/floor"
	_ "github.com/ceteris/ceteris/threadpool"
	_ "github.com/ceteris/ceteris/tpc"
)

// brokersRun says whether this system can run brokers at all.
const brokersRun = true
