package load

import (
	"context"
	"errors"
)

// Run creates the topic, waits for its leaders, warms up, measures, drains, and
// writes the interval histograms. It returns an error when the load could not be
// offered; a broker that answers badly is in the Summary.
func Run(ctx context.Context, o Options) (*Summary, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return nil, errors.New("load: no driver")
}
