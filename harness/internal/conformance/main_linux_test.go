package conformance

import (
	"testing"

	"github.com/ceteris/ceteris/models/modeltest"
)

func TestMain(m *testing.M) { modeltest.Main(m.Run) }
