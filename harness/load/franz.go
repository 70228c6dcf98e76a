package load

import (
	"context"
	"errors"
)

func runFranz(context.Context, *Options, *cluster) (*Summary, error) {
	return nil, errors.New("load: franz")
}
