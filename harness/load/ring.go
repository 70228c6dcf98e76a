package load

// ring is a queue that grows; popping and pushing within its capacity does not
// allocate.
type ring[T any] struct {
	buf  []T // a power of two long
	head int
	n    int
}

func newRing[T any](capacity int) ring[T] {
	size := 16
	for size < capacity {
		size *= 2
	}
	return ring[T]{buf: make([]T, size)}
}

func (r *ring[T]) push(v T) {
	if r.n == len(r.buf) {
		grown := make([]T, 2*len(r.buf))
		for i := range r.n {
			grown[i] = *r.at(i)
		}
		r.buf, r.head = grown, 0
	}
	r.n++
	*r.at(r.n - 1) = v
}

// at is the i-th from the front.
func (r *ring[T]) at(i int) *T { return &r.buf[(r.head+i)&(len(r.buf)-1)] }

func (r *ring[T]) pop() T {
	if r.n == 0 {
		panic("load: pop of an empty ring")
	}
	v := *r.at(0)
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	return v
}
