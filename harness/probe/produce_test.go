package probe

import (
	"testing"

	"github.com/ceteris/ceteris/models/batch"
)

// TestProduce: the batch is one that brokers take, by the shared code that the
// probe does not use.
func TestProduce(t *testing.T) {
	raw := Produce(Topic).Topics[0].Partitions[0].Records
	var h batch.Header
	if err := batch.Parse(raw, &h); err != nil {
		t.Fatal(err)
	}
	if code, why := batch.CheckWhy(raw, &h, 1<<20); code != 0 {
		t.Fatalf("refused with %d: %s", code, why)
	}
	if h.Count != 1 {
		t.Errorf("%d records, want 1", h.Count)
	}
}
