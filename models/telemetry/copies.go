package telemetry

import "sync/atomic"

// Place is where a broker copies bytes of requests and records from memory to
// memory. Everything else travels by reference: what a client produces in one
// piece, what is read from a log's buffers or files, what shards send each other.
// What a system call copies, peeks at record headers and compaction are in none.
type Place uint8

// A request's bytes pass them in this order.
const (
	CopyReceive Place = iota // receive buffer → the request's own
	CopyAppend               // request → the buffer that the device is written from
	CopyTail                 // last, partial block of a log → the next such buffer
	CopyMove                 // from one owner's memory to another's
	CopyPlaces
)

var placeNames = [CopyPlaces]string{"receive", "append", "tail", "move"}

func (p Place) String() string { return placeNames[p] }

// Copies counts bytes that one thread copies, once a copy. The zero value is
// ready; nil counts nothing.
type Copies struct {
	n [CopyPlaces]atomic.Uint64
	_ [96]byte
}

// Add counts n bytes. Writer only.
func (c *Copies) Add(at Place, n int) {
	if c != nil {
		c.n[at].Store(c.n[at].Load() + uint64(n))
	}
}

// Load reads one place's count. Any thread.
func (c *Copies) Load(at Place) uint64 { return c.n[at].Load() }

// AddCopies adds what a thread copies.
func (g *Registry) AddCopies(thread string, c *Copies) {
	for at := range CopyPlaces {
		g.CopiesFunc(at, thread, func() uint64 { return c.Load(at) })
	}
}

// CopiesFunc adds a count of one place that is kept elsewhere.
func (g *Registry) CopiesFunc(at Place, thread string, read func() uint64) {
	g.CounterFunc("copied_bytes_total", "bytes of requests and records copied in user space", read, "place", at.String(), "thread", thread)
}
