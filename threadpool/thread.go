package threadpool

import (
	"runtime"
	"sync"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// Threads is how many operating system threads the pool locks; each keeps a
// scheduler slot, so GOMAXPROCS must be one more for everything else. With
// threads=goroutine nothing is locked and the answer is one less than the
// processors there are, so that the same rule gives one slot a processor.
func Threads(cfg *models.Config) int {
	if cfg.Factors.Threads == "goroutine" {
		return cpuCount(cfg) - 1
	}
	n := 1 + int(cfg.Int("num.network.threads")) + int(cfg.Int("num.io.threads")) + purgatories
	if cfg.Factors.Durability == models.Memory {
		n++
	}
	return n
}

// purgatories is how many there are, each with an expiry thread: produce, fetch.
const purgatories = 2

// cpuCount is the number of processors the pool runs on.
func cpuCount(cfg *models.Config) int {
	if len(cfg.CPUs) > 0 {
		return len(cfg.CPUs)
	}
	return kernel.CPUs
}

// threads starts and joins the threads of the pool.
type threads struct {
	locked bool
	wg     sync.WaitGroup
}

// start runs body on a thread of its own.
func (t *threads) start(body func()) {
	t.wg.Add(1)
	go func() {
		defer t.wg.Done()
		if t.locked {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
		}
		body()
	}()
}
