package host

import (
	"context"
	"errors"
	"os"
	"testing"
)

// TestClaim: CPUs are one process's at a time, and whoever comes second is told whose.
func TestClaim(t *testing.T) {
	first := 1_000_000 + 10*os.Getpid() // nobody's
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	none := func(cpu, pid int) { t.Errorf("waits for CPU %d of process %d", cpu, pid) }
	release, err := Claim(ctx, []int{first, first + 1}, none)
	if err != nil {
		t.Fatal(err)
	}
	apart, err := Claim(ctx, []int{first + 2}, none)
	if err != nil {
		t.Fatal(err)
	}
	defer apart()
	_, err = Claim(ctx, []int{first + 3, first + 1}, func(cpu, pid int) {
		if cpu != first+1 || pid != os.Getpid() {
			t.Errorf("waits for CPU %d of process %d, want %d of %d", cpu, pid, first+1, os.Getpid())
		}
		cancel()
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted while it waited: %v", err)
	}
	waited := 0
	last, err := Claim(context.Background(), []int{first + 1, first}, func(int, int) { waited++; release() })
	if err != nil || waited != 1 {
		t.Fatalf("%v, waited %d times", err, waited)
	}
	last()
	if again, err := Claim(context.Background(), []int{first, first + 3}, none); err == nil {
		again()
	}
}
