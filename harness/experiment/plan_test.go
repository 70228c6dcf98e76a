package experiment

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ceteris/ceteris/workloads"
)

func design(seed uint64) *workloads.Experiment {
	return &workloads.Experiment{
		Name: "design", Blocks: 8, Seed: seed, Replicate: workloads.Alternate, Warmup: time.Second, Measure: time.Second,
		Models:    []workloads.Arm{{Name: "tpc", Model: "tpc"}, {Name: "pool", Model: "threadpool", Set: map[string]string{"spin": "0"}}},
		Loads:     workloads.Loads{Kind: workloads.Absolute, PerSecond: []float64{100, 1000}},
		Workloads: []*workloads.Workload{{Name: "w", Durability: []string{"process", "power"}}},
	}
}

// TestPlanIsComplete: every block has every arm and one replicate at every
// point, once.
func TestPlanIsComplete(t *testing.T) {
	type point struct {
		block                int
		workload, durability string
		load                 float64
		arm                  string
		replicate            bool
	}
	seen := map[point]int{}
	nulls := map[string]int{}
	for i, c := range Plan(design(1)) {
		if want := i % 12; c.Position != want {
			t.Fatalf("cell %d has position %d, want %d", i, c.Position, want)
		}
		arm := c.Arm
		if c.Replicate {
			nulls[c.Arm]++
			arm = ""
		}
		seen[point{c.Block, c.Workload, c.Durability, c.LoadPerSec, arm, c.Replicate}]++
	}
	if len(seen) != 8*2*2*3 {
		t.Errorf("%d different cells, want %d", len(seen), 8*2*2*3)
	}
	for p, n := range seen {
		if n != 1 {
			t.Errorf("%+v is there %d times", p, n)
		}
	}
	if nulls["tpc"] != 16 || nulls["pool"] != 16 {
		t.Errorf("replicates %v, want 16 of each arm: they alternate by block", nulls)
	}
}

// TestPlanIsBalanced: over three blocks each of three arms, the replicate being
// one, has come first, second and third at each point once.
func TestPlanIsBalanced(t *testing.T) {
	for seed := range uint64(20) {
		type key struct {
			round, place         int
			workload, durability string
			load                 float64
			arm                  string
		}
		seen := map[key]int{}
		place := map[string]int{}
		firsts := map[string]bool{}
		e := design(seed)
		e.Blocks = 9
		for _, c := range Plan(e) {
			at := strings.Join([]string{strconv.Itoa(c.Block), c.Durability, strconv.FormatFloat(c.LoadPerSec, 'f', -1, 64)}, "/")
			arm := c.Arm
			if c.Replicate {
				arm = workloads.ReplicateArm
			}
			if place[at] == 0 && c.Block == 0 {
				firsts[arm] = true
			}
			seen[key{c.Block / 3, place[at], c.Workload, c.Durability, c.LoadPerSec, arm}]++
			place[at]++
		}
		if len(seen) != 3*3*4*3 {
			t.Fatalf("seed %d: %d places, want %d: %v", seed, len(seen), 3*3*4*3, seen)
		}
		for k, n := range seen {
			if n != 1 {
				t.Errorf("seed %d: %+v %d times", seed, k, n)
			}
		}
		if seed == 1 && len(firsts) < 2 {
			t.Errorf("one arm begins at every load: %v", firsts)
		}
	}
}

func TestPlanOrder(t *testing.T) {
	first := Plan(design(1))
	if diff := cmp.Diff(first, Plan(design(1))); diff != "" {
		t.Errorf("one seed, two orders: %s", diff)
	}
	if cmp.Equal(first, Plan(design(2))) {
		t.Error("two seeds, one order")
	}
	var orders []string
	for block := range 8 {
		var ids []string
		for _, c := range first[block*12 : block*12+12] {
			ids = append(ids, c.ID)
		}
		orders = append(orders, strings.Join(ids, " "))
	}
	if orders[0] == orders[1] && orders[1] == orders[2] {
		t.Error("the blocks share one order")
	}
}

// TestTraffic: arms of a block get the same traffic, blocks do not.
func TestTraffic(t *testing.T) {
	e := design(1)
	cells := plan(e)
	byBlock := map[int]uint64{}
	for i := range cells {
		c := &cells[i]
		seed := loadSeed(e, c)
		if first, ok := byBlock[c.Block]; ok && first != seed {
			t.Fatalf("block %d: seeds %d and %d", c.Block, first, seed)
		}
		byBlock[c.Block] = seed
	}
	if byBlock[0] == byBlock[1] {
		t.Error("two blocks got the same traffic")
	}
}

func TestBudget(t *testing.T) {
	e := design(1)
	perBlock := Estimate(e, 12, 1)
	if err := fit(e, 3*perBlock+time.Second, 0); err != nil || e.Blocks != 3 {
		t.Errorf("%d blocks (%v), want 3", e.Blocks, err)
	}
	if err := fit(e, perBlock-1, 0); err == nil || !strings.Contains(err.Error(), "--budget") {
		t.Errorf("less than a block: %v", err)
	}
	e = design(1)
	e.Probes = []string{workloads.ProbeDisk, workloads.ProbeLoopback}
	// 12 cells of 3 s in a block, and before them 5.5 s of the machine's own limits.
	if err := fit(e, 2*perBlock+10*time.Second, 0); err != nil || e.Blocks != 1 {
		t.Errorf("with probes: %d blocks (%v), want 1", e.Blocks, err)
	}
	e = design(1)
	// 33 s for the certificate.
	if err := fit(e, 2*perBlock+10*time.Second, ahead(e, true)); err != nil || e.Blocks != 1 {
		t.Errorf("with a certificate: %d blocks (%v), want 1", e.Blocks, err)
	}
	e = design(1)
	if err := fit(e, 0, 0); err != nil || e.Blocks != 8 {
		t.Errorf("no budget: %d blocks (%v)", e.Blocks, err)
	}
}

func TestPrewarmBytes(t *testing.T) {
	const memory = 1 << 40
	e := design(1) // 2 s a cell
	w := e.Workloads[0]
	w.RecordsPerBatch, w.Size = 4, workloads.SizeLaw{MedianBytes: 1000, MaxBytes: 1000}
	cells := plan(e)
	for i := range cells {
		c := &cells[i]
		if got, want := prewarmBytes(e, c, memory), int64(12_000*c.LoadPerSec); got != want {
			t.Errorf("load %v: %d bytes, want 1.5 x load x 4000 bytes x 2 s = %d", c.LoadPerSec, got, want)
		}
		c.LoadPerSec = 0
		if got, want := prewarmBytes(e, c, memory), int64(2*250_000*4000); got != want {
			t.Errorf("closed loop of small requests: %d bytes, want %d", got, want)
		}
	}
	w.Size.MedianBytes = 1 << 20
	if got, want := prewarmBytes(e, &cells[0], memory), int64(2.4e9); got != want {
		t.Errorf("closed loop of large requests: %d bytes, want %d", got, want)
	}
	if got, want := prewarmBytes(e, &cells[0], 1<<30), int64(1<<28); got != want {
		t.Errorf("with 1 GiB of memory: %d bytes, want a quarter", got)
	}
}
