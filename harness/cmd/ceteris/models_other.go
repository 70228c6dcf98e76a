//go:build !linux

package main

// brokersRun says whether this system can run brokers at all.
const brokersRun = false
