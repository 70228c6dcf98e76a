package purgatory

import "fmt"

const (
	// TickMs is the span of a bucket of the lowest wheel.
	TickMs = 1
	// wheelSize is the number of buckets of each wheel.
	wheelSize = 20
	// maxWheels bounds the hierarchy: 20^14 ms exceed any int64 deadline that
	// Add lets through.
	maxWheels = 14
)

// maxDelayMs bounds a delay, so that deadlines cannot overflow: 1000 years.
const maxDelayMs = 1000 * 366 * 86400 * 1000

// Entry is a place in a Wheel. It is part of what it stands for, and in at most
// one wheel at a time.
type Entry struct {
	deadlineMs int64
	bucket     *bucket
	prev, next *Entry
	owner      *Delayed
}

// bucket is a ring of entries around head, all due within one span.
type bucket struct {
	head  Entry
	dueMs int64 // when the span starts; only meaningful while queued
	at    int   // index in the due heap, -1 when not queued
}

func (b *bucket) empty() bool { return b.head.next == &b.head }

func (b *bucket) push(e *Entry) {
	e.bucket, e.prev, e.next = b, b.head.prev, &b.head
	e.prev.next, b.head.prev = e, e
}

func (e *Entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
	e.bucket, e.prev, e.next = nil, nil, nil
}

// level is one wheel of the hierarchy.
type level struct {
	tickMs  int64
	clockMs int64 // floor of the wheel's time to its tick
	buckets [wheelSize]bucket
}

// Wheel is a hierarchical timing wheel as a state machine: it is told the time
// and reads no clock. Adding and removing take constant time. The caller
// serialises all calls.
type Wheel struct {
	levels []*level
	due    dueHeap
	size   int
}

// NewWheel starts at nowMs.
func NewWheel(nowMs int64) *Wheel {
	w := &Wheel{}
	w.grow(TickMs, nowMs)
	return w
}

func (w *Wheel) grow(tickMs, nowMs int64) {
	l := &level{tickMs: tickMs, clockMs: nowMs - nowMs%tickMs}
	for i := range l.buckets {
		b := &l.buckets[i]
		b.head.prev, b.head.next, b.at = &b.head, &b.head, -1
	}
	w.levels = append(w.levels, l)
}

// Len is the number of entries in the wheel.
func (w *Wheel) Len() int { return w.size }

// Add puts e in for deadlineMs. It reports false, and leaves e out, when the
// deadline is within the current tick: e has expired already.
func (w *Wheel) Add(e *Entry, deadlineMs int64) bool {
	if e.bucket != nil {
		panic(fmt.Sprintf("purgatory: add of an entry that is in the wheel for %d ms, again for %d ms", e.deadlineMs, deadlineMs))
	}
	e.deadlineMs = deadlineMs
	if !w.place(e) {
		return false
	}
	w.size++
	return true
}

// place finds the lowest wheel whose turn covers the deadline.
func (w *Wheel) place(e *Entry) bool {
	if e.deadlineMs < w.levels[0].clockMs+TickMs {
		return false
	}
	for i := 0; i < maxWheels; i++ {
		if i == len(w.levels) {
			below := w.levels[i-1]
			w.grow(below.tickMs*wheelSize, w.levels[0].clockMs)
		}
		l := w.levels[i]
		if e.deadlineMs >= l.clockMs+l.tickMs*wheelSize {
			continue
		}
		slot := e.deadlineMs / l.tickMs
		b := &l.buckets[slot%wheelSize]
		b.push(e)
		if b.at < 0 {
			b.dueMs = slot * l.tickMs
			w.due.push(b)
		}
		return true
	}
	panic(fmt.Sprintf("purgatory: deadline %d ms lies beyond every wheel, now is %d ms", e.deadlineMs, w.levels[0].clockMs))
}

// Remove takes e out, if it is in.
func (w *Wheel) Remove(e *Entry) {
	if e.bucket == nil {
		return
	}
	e.unlink()
	w.size--
}

// NextMs is when Advance next has something to do; ok is false when nothing
// waits. It may be early: a bucket whose entries were removed still comes due.
func (w *Wheel) NextMs() (ms int64, ok bool) {
	if len(w.due) == 0 {
		return 0, false
	}
	return w.due[0].dueMs, true
}

// Advance turns the wheels to nowMs and appends the expired entries to out, in
// the order of their deadlines' ticks.
func (w *Wheel) Advance(nowMs int64, out []*Entry) []*Entry {
	for len(w.due) > 0 && w.due[0].dueMs <= nowMs {
		b := w.due.pop()
		w.turn(b.dueMs)
		for !b.empty() {
			e := b.head.next
			e.unlink()
			if !w.place(e) {
				w.size--
				out = append(out, e)
			}
		}
	}
	w.turn(nowMs)
	return out
}

func (w *Wheel) turn(nowMs int64) {
	for _, l := range w.levels {
		if nowMs < l.clockMs+l.tickMs {
			return // the wheels above turn more slowly still
		}
		l.clockMs = nowMs - nowMs%l.tickMs
	}
}

// dueHeap is a binary heap of the buckets that hold entries, earliest first.
type dueHeap []*bucket

func (h *dueHeap) push(b *bucket) {
	b.at = len(*h)
	*h = append(*h, b)
	h.up(b.at)
}

func (h *dueHeap) pop() *bucket {
	top, last := (*h)[0], len(*h)-1
	h.swap(0, last)
	*h = (*h)[:last]
	h.down(0)
	top.at = -1
	return top
}

func (h dueHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

func (h dueHeap) up(i int) {
	for i > 0 && h[i].dueMs < h[(i-1)/2].dueMs {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h dueHeap) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if h[c].dueMs < h[least].dueMs {
				least = c
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
