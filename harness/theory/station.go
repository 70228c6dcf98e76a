package theory

import (
	"github.com/ceteris/ceteris/models/busywork"
)

// Station is servers with Poisson arrivals.
type Station struct {
	Service
	PerSec  float64 // requests arriving per second, all together
	Servers int
	// Shared is one queue before all servers, as a thread pool has; without it every
	// server has a queue of its own, and a request goes to one drawn evenly.
	Shared bool
	// Rounds is a server that takes everything that waits before it, then everything
	// that has come meanwhile, and sends the answers when it is through with all of it:
	// a shard's reactor gathers twice before it flushes its sockets. It takes nothing
	// in any more when a round has gone on for RoundNs, goes on for as long with what
	// is left, and then sends; 0 bounds nothing.
	Rounds  bool
	RoundNs float64
	// Connections that requests come by, drawn evenly, and how many requests of one
	// connection the station takes in before the others have to wait outside, as
	// Kafka's pool mutes a connection. Answers leave a connection in the order of its
	// requests. 0 connections: nothing holds a request back.
	Connections, Limit int
}

// Load is the share of time that a server is busy; from 1 on the queue grows for
// as long as requests arrive.
func (s *Station) Load() float64 { return s.PerSec * s.Mean() / 1e9 / float64(s.Servers) }

// steady reports whether the station has a steady state that formulas tell of.
func (s *Station) steady() bool { return s.Connections == 0 && !s.Rounds && s.Load() < 1 }

// Exact is the p-quantile of the response time, ns, and false where it has no closed
// form.
func (s *Station) Exact(p float64) (ns float64, ok bool) {
	alone := s.Servers == 1 || !s.Shared
	fixed := s.MeanNs == 0 || s.Law == busywork.Fixed
	exponential := s.BaseNs == 0 && s.Law == busywork.Exponential
	switch {
	case !s.steady():
		return 0, false
	case alone && fixed:
		return s.Mean() * MD1Quantile(s.Load(), p), true
	case alone && exponential:
		return s.Mean() * MM1Quantile(s.Load(), p), true
	case exponential:
		return s.Mean() * MMkQuantile(s.Servers, s.Load(), p), true
	}
	return 0, false
}

// MeanResponse is the mean response time, ns, and false where it has no closed form.
func (s *Station) MeanResponse() (ns float64, ok bool) {
	switch {
	case !s.steady():
		return 0, false
	case s.Servers == 1 || !s.Shared:
		return s.Mean() * (1 + MeanWait(s.Load(), s.Variation())), true
	case s.BaseNs == 0 && s.Law == busywork.Exponential:
		return s.Mean() * (1 + MMkMeanWait(s.Servers, s.Load())), true
	}
	return 0, false
}

// Queues names the organisation: how many queues there are, and how they are served.
func (s *Station) Queues() string {
	words := "one each"
	if s.Shared {
		words = "one"
	}
	if s.Rounds {
		words += ", in rounds"
	}
	return words
}
