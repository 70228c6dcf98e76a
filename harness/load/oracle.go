package load

import "fmt"

// A stream is what one connection sends to one partition; its records carry
// consecutive sequences and arrive in that order.

// maxStreams bounds connections × partitions, and with it the oracle's memory;
// maxNoted bounds what is remembered of failures and gaps.
const (
	maxStreams = 1 << 22
	maxNoted   = 1 << 20
)

// recordID names one record of the run.
type recordID struct {
	stream    int32
	partition int32
	sequence  uint64
}

// ledger is what one thread has sent: the next sequence of each of its streams,
// and the records that were not acknowledged.
type ledger struct {
	partitions  int
	next        []uint64 // [stream*partitions + partition]
	unconfirmed map[recordID]struct{}
	overflow    bool // more unconfirmed than are remembered
}

func newLedger(streams, partitions int) *ledger {
	return &ledger{
		partitions: partitions, next: make([]uint64, streams*partitions),
		unconfirmed: map[recordID]struct{}{},
	}
}

// at is the next sequence of a stream; issue takes n of them.
func (l *ledger) at(stream, partition int) uint64 { return l.next[stream*l.partitions+partition] }

func (l *ledger) issue(stream, partition, n int) {
	l.next[stream*l.partitions+partition] += uint64(n)
}

// disown notes that n records may or may not be in the log.
func (l *ledger) disown(stream, partition int, sequence uint64, n int) {
	for i := range n {
		if len(l.unconfirmed) >= maxNoted {
			l.overflow = true
			return
		}
		l.unconfirmed[recordID{int32(stream), int32(partition), sequence + uint64(i)}] = struct{}{}
	}
}

// auditor checks what one tail consumer fetches.
type auditor struct {
	streams, partitions int
	next                []uint64 // the sequence after the highest seen
	missing             map[recordID]struct{}

	duplicated, reordered, corrupt int64
	overflow                       bool
}

func newAuditor(streams, partitions int) *auditor {
	return &auditor{
		streams: streams, partitions: partitions, next: make([]uint64, streams*partitions),
		missing: map[recordID]struct{}{},
	}
}

// see notes one record that has the right CRC.
func (a *auditor) see(stream, partition int, sequence uint64) {
	if stream >= a.streams || partition >= a.partitions {
		a.corrupt++
		return
	}
	at := &a.next[stream*a.partitions+partition]
	switch {
	case sequence == *at:
		*at++
	case sequence > *at:
		for s := *at; s < sequence; s++ {
			if len(a.missing) >= maxNoted {
				a.overflow = true
				break
			}
			a.missing[recordID{int32(stream), int32(partition), s}] = struct{}{}
		}
		*at = sequence + 1
	default:
		id := recordID{int32(stream), int32(partition), sequence}
		if _, ok := a.missing[id]; ok {
			delete(a.missing, id)
			a.reordered++
		} else {
			a.duplicated++
		}
	}
}

// lost counts the records that were acknowledged by the broker and never seen.
// Streams that several ledgers share do not exist: next sequences add up.
func (a *auditor) lost(ledgers []*ledger) (int64, error) {
	unconfirmed := func(id recordID) bool {
		for _, l := range ledgers {
			if _, ok := l.unconfirmed[id]; ok {
				return true
			}
		}
		return false
	}
	overflow := a.overflow
	for _, l := range ledgers {
		overflow = overflow || l.overflow
	}
	var n int64
	for id := range a.missing {
		if !unconfirmed(id) {
			n++
		}
	}
	for i, seen := range a.next {
		issued := uint64(0)
		for _, l := range ledgers {
			issued += l.next[i]
		}
		for s := seen; s < issued; s++ {
			if !unconfirmed(recordID{int32(i / a.partitions), int32(i % a.partitions), s}) {
				n++
			}
		}
	}
	if overflow {
		return n, fmt.Errorf("load: more than %d records failed or went missing: the count of lost records (%d) is a bound only", maxNoted, n)
	}
	return n, nil
}
