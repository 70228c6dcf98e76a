package floor

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/cluster"
)

// control changes an image that nobody stores.
type control struct {
	mu     sync.Mutex
	image  atomic.Pointer[cluster.Image]
	nextID int64
}

// Mutate applies a command to the image in memory.
func (c *control) Mutate(cmd cluster.Command) (*cluster.Image, int16, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if create, ok := cmd.(cluster.CreateTopic); ok {
		sum := sha256.Sum256([]byte(create.Name))
		create.ID = [16]byte(sum[:16])
		create.Owners = nil
		cmd = create
	}
	im, code, msg := c.image.Load().Apply(cmd)
	if code != 0 {
		return c.image.Load(), code, msg
	}
	c.image.Store(im)
	return im, 0, ""
}

// NextProducerID hands out ids that last as long as the process.
func (c *control) NextProducerID() (int64, int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextID++
	return c.nextID, 0
}
