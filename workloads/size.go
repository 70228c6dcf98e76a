package workloads

import (
	"errors"
	"fmt"
	"math"
)

// SizeLaw is the law of record value sizes in bytes, none above MaxBytes: one
// size where nothing else is set; log-normal around MedianBytes where Sigma is;
// uniform from MinBytes where that is; else one of Values.
type SizeLaw struct {
	MedianBytes int     `json:"median_bytes"`
	Sigma       float64 `json:"sigma,omitempty"`
	MaxBytes    int     `json:"max_bytes"`
	MinBytes    int     `json:"min_bytes,omitempty"`

	Values *SizeValues `json:"values,omitempty"`
}

// SizeValues are sizes of which each is as likely as the others, unless LargeShare
// is set: then there are two, and the second has that probability.
type SizeValues struct {
	Bytes      []int   `json:"bytes"`
	LargeShare float64 `json:"large_share,omitempty"`
}

// maxSizes bounds a list of sizes.
const maxSizes = 10000

// Fixed reports whether every record has MedianBytes.
func (s SizeLaw) Fixed() bool { return s.Sigma == 0 && s.MinBytes == 0 && s.Values == nil }

// MeanBytes is the mean size; of a log-normal law, what it would be if nothing
// were cut off.
func (s SizeLaw) MeanBytes() float64 {
	switch {
	case s.Values != nil && s.Values.LargeShare > 0:
		p := s.Values.LargeShare
		return (1-p)*float64(s.Values.Bytes[0]) + p*float64(s.Values.Bytes[1])
	case s.Values != nil:
		sum := 0.0
		for _, b := range s.Values.Bytes {
			sum += float64(b)
		}
		return sum / float64(len(s.Values.Bytes))
	case s.MinBytes > 0:
		return float64(s.MinBytes+s.MaxBytes) / 2
	}
	return float64(s.MedianBytes) * math.Exp(s.Sigma*s.Sigma/2)
}

// draw is the k-th size of the stream that a seed names.
func (s SizeLaw) draw(seed uint64, k int64) int {
	switch {
	case s.Fixed():
		return s.MedianBytes
	case s.Values != nil && s.Values.LargeShare > 0:
		if unit(draw(seed, k)) < s.Values.LargeShare {
			return s.Values.Bytes[1]
		}
		return s.Values.Bytes[0]
	case s.Values != nil:
		return s.Values.Bytes[below(draw(seed, k), len(s.Values.Bytes))]
	case s.MinBytes > 0:
		return s.MinBytes + below(draw(seed, k), s.MaxBytes-s.MinBytes+1)
	}
	// Two draws a record for one normal variate (Box and Muller).
	u := 1 - unit(draw(seed, 2*k)) // in (0, 1]
	v := unit(draw(seed, 2*k+1))
	z := math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
	n := math.Round(float64(s.MedianBytes) * math.Exp(s.Sigma*z))
	return int(min(max(n, 1), float64(s.MaxBytes)))
}

// check reports what the law cannot mean.
func (s SizeLaw) check() error {
	var errs []error
	within := func(what string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("%s of %d is not between %d and %d", what, v, low, high))
		}
	}
	within("size", s.MedianBytes, 1, maxBatchBytes)
	within("largest size", s.MaxBytes, s.MedianBytes, maxBatchBytes)
	within("smallest size", s.MinBytes, 0, s.MaxBytes)
	if v := s.Values; v != nil {
		within("number of sizes", len(v.Bytes), 1, maxSizes)
		for _, b := range v.Bytes {
			within("size", b, 1, s.MaxBytes)
		}
		if !(v.LargeShare >= 0 && v.LargeShare <= 1) || v.LargeShare > 0 && len(v.Bytes) != 2 {
			errs = append(errs, fmt.Errorf("a share of %g among %d sizes", v.LargeShare, len(v.Bytes)))
		}
	}
	return errors.Join(errs...)
}
