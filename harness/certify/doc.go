// Package certify finds out what the load generator is good for on this machine,
// before anybody believes what it says about brokers:
//
//	generator-bound  the null broker answers at least three times as many requests
//	                 as the fastest model: what is measured is the model
//	slip             requests leave within 10 µs of their moment, at p99, at 50,000/s
//	slip-own         of those that do not, less than 1 % beyond what a thread on the
//	                 generator's CPU misses that does nothing but wait
//	clients          twice the clients give the same answer, within what two equal
//	                 runs differ by
//	probe            a client that shares no code with the generator sees the same
//	arrivals         the sent process is the one that was asked for
//	collector        the generator's garbage collector does not run
//	headroom         the generator uses less than 60 % of its CPUs
//
// Limits are fixed here. The floor, what the null broker's answers take at a low
// rate, is recorded beside them.
package certify
