// Package theory is what queueing theory says of a broker: response times of the
// two organisations that the models are, where the arrivals are Poisson and the
// service times have a known law, and the universal scalability law.
//
//	handlers   one queue before k servers          ──▶▥▥▥──┬─▶ ○     c-FCFS
//	                                                       └─▶ ○
//	shards     k queues, one server behind each    ──┬▶▥▥▥──▶ ○     d-FCFS
//	                                                 └▶▥▥▥──▶ ○
//
// A shard moreover works in rounds, which no textbook's server does: what has
// arrived, what has come meanwhile, and only then the answers (package
// tpc/reactor), for a bounded time each. Where services are long that is most of
// the difference between a shard and the formula: half as long again at the median.
//
// Everything is a pure function of its arguments; what is simulated is a function
// of the seed too. Times are in units of the mean service time, unless a name
// says ns.
//
// # What is exact
//
//	M/M/1    exponential service, one server: everything
//	M/D/1    fixed service, one server: everything (Erlang 1909, Crommelin 1932)
//	M/M/k    exponential service, k servers and one queue: everything (Erlang 1917)
//	M/G/1    any service, one server: the mean (Pollaczek 1930, Khinchine 1932)
//
// Several queues with a server each are several queues with one server, because a
// Poisson stream that is divided at random is several. Everything else, quantiles
// of bimodal service among them, is simulated ([Station.Simulate]). The tests hold
// the formulas against the simulation and the simulation against the formulas.
//
// # What none of it knows
//
// A server here takes requests in their order and one after the other. Threads
// that share a CPU are switched by the kernel, messages between shards cost time,
// locks are waited for, batches make the next request cheaper. Where a measurement
// departs from what is predicted here, one of these is the reason, and which of
// them it is the formulas do not tell.
package theory
