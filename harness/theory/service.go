package theory

import (
	"math/rand/v2"

	"github.com/ceteris/ceteris/models/busywork"
)

// Service is how long a server is busy with a request: a part that is always the
// same and one whose law is injected.
type Service struct {
	BaseNs float64 // of every request
	Law    busywork.Law
	MeanNs float64 // of the law
}

// Mean is the mean service time, ns.
func (s Service) Mean() float64 { return s.BaseNs + s.MeanNs }

// Variation is the squared coefficient of variation: 0 is a service that always
// takes the same time, 1 an exponential one.
func (s Service) Variation() float64 {
	share := s.MeanNs / s.Mean()
	return variation(s.Law) * share * share
}

// variation is the squared coefficient of variation of a law alone.
func variation(l busywork.Law) float64 {
	switch l {
	case busywork.Exponential:
		return 1
	case busywork.Bimodal:
		return 0.9*0.5*0.5 + 0.1*5.5*5.5 - 1
	}
	return 0
}

// Draw is one service time, ns.
func (s Service) Draw(random *rand.Rand) float64 {
	return s.BaseNs + s.MeanNs*s.Law.Time(random.Float64())
}
