package threadpool

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// writer is the background thread of durability=memory. A batch is committed
// and acknowledged while it is still in its request's buffer; the writer brings
// it to the page cache afterwards, in order. At most writerQueue batches are on
// their way, then handlers wait. Readers wait for the writes they depend on, so
// a file range that is sent has always been written.
type writer struct {
	broker *Broker
	queue  chan writing // only tried by handlers, see put
	space  kernel.Mutex // held by the handler that waits for space
	vacant kernel.Gate
	work   kernel.Gate
	done   atomic.Bool
}

// writing is one batch on its way, or, with seal set, the order to seal the
// segment behind all its writes.
type writing struct {
	replica *replica
	segment *log.Segment
	seal    bool
	file    *segmentFile
	records []byte
	base    int64 // offset of the batch
	pos     int64
	buf     *iobuf.Buf
}

const writerQueue = 1024

func newWriter(b *Broker) *writer {
	w := &writer{broker: b, queue: make(chan writing, writerQueue)}
	w.space.Go(b.gogo)
	w.vacant.Go(b.gogo)
	w.work.Go(b.gogo)
	return w
}

// put takes over a batch. The caller holds the log's lock.
func (w *writer) put(r *replica, pp *api.ProducePart, from *request) {
	f := fileOf(pp.Append.Seg)
	if !f.hold() {
		panic(fmt.Sprintf("threadpool: append to segment %d whose file is closed", pp.Append.Seg.Base))
	}
	from.buf.Retain()
	r.behind.queued.Add(1)
	w.offer(writing{
		replica: r, segment: pp.Append.Seg, file: f,
		records: pp.Records, base: pp.Append.Base, pos: pp.Append.Pos, buf: from.buf,
	})
}

func (w *writer) offer(x writing) {
	select {
	case w.queue <- x:
	default:
		w.work.Open()
		w.space.Lock()
		for waiting := true; waiting; {
			select {
			case w.queue <- x:
				waiting = false
			default:
				w.vacant.Wait(waitNs)
			}
		}
		w.space.Unlock()
	}
}

// rouse wakes the writer if it sleeps with something to do. Handlers call it
// when they have done what else there is, so that one wake-up serves a batch.
func (w *writer) rouse() {
	if len(w.queue) > 0 {
		w.work.Open()
	}
}

// run is the writer thread. It ends once stop was called and the queue is empty.
func (w *writer) run() {
	for {
		select {
		case x := <-w.queue:
			w.vacant.Open()
			w.write(x)
		default:
			if w.done.Load() {
				return
			}
			w.work.Wait(waitNs)
		}
	}
}

// write carries out one order. Behind a write that failed nothing of the log is
// written any more: it would lie behind a hole.
func (w *writer) write(x writing) {
	r := x.replica
	defer r.behind.advance()
	broken := r.lost.Load() != nil
	if x.seal {
		if !broken {
			w.broker.sealLater(r, x.segment)
		}
		return
	}
	if !broken {
		if _, err := x.file.file.WriteAt(x.records, x.pos); err != nil {
			r.lost.Store(&log.Mark{Offset: x.base, SegBase: x.segment.Base, Pos: x.pos})
			w.broker.storageFailed(r, err)
		} else if d := x.file.directOf(); d != nil {
			w.broker.prewrite(r, d)
		}
	}
	x.buf.Release(nil)
	x.file.Drop()
}

// withhold takes from what was read the bytes that were acknowledged and that
// the writer could not bring to the page cache. Without any the part is an
// error.
func (r *replica) withhold(fp *api.FetchPart) {
	lost, e := r.lost.Load(), &fp.Extent
	if lost == nil || fp.Err != 0 || e.Len == 0 || e.Seg.Base < lost.SegBase {
		return
	}
	if e.Seg.Base > lost.SegBase || e.Pos >= lost.Pos {
		fp.Fail(codeStorage)
		return
	}
	e.Len = int(min(int64(e.Len), lost.Pos-e.Pos))
}

func (w *writer) stop() {
	w.done.Store(true)
	w.work.Open()
}

// backlog counts the writes of one partition that are on their way.
type backlog struct {
	queued  atomic.Int64
	written atomic.Int64
	word    atomic.Uint32 // futex of the readers that wait
	readers atomic.Int32
}

func (b *backlog) advance() {
	b.written.Add(1)
	if b.readers.Load() > 0 {
		b.word.Add(1)
		kernel.Wake(&b.word, 1<<30)
	}
}

// Peek reads from a segment's file, for whoever looks up offsets. It settles
// first: the high watermark that bounds the look was read after it began.
func (r *replica) Peek(seg *log.Segment, pos int64, dst []byte) (int, error) {
	r.settle()
	return log.FilePeeker{}.Peek(seg, pos, dst)
}

// settle waits until what was acknowledged before the call is in the page cache.
func (r *replica) settle() {
	b := &r.behind
	want := b.queued.Load()
	if b.written.Load() >= want {
		return
	}
	r.writer.rouse()
	b.readers.Add(1)
	defer b.readers.Add(-1)
	for {
		seen := b.word.Load()
		if b.written.Load() >= want {
			return
		}
		if r.gogo {
			time.Sleep(20 * time.Microsecond)
			continue
		}
		kernel.Wait(&b.word, seen, waitNs)
	}
}
