package arena

import (
	"fmt"
	"io"
	"time"
)

// counts are the owner's plain counters.
type counts struct {
	allocs, frees, foreign int64
	failures, oversized    int64
	reclaims, reclaimed    int64
	headers                int64
	lends, loansBack       int64
	purpose                [Purposes]int64 // live bytes
	lowestFree             int64
	used                   [maxOrders]int64 // live spans by order
}

// Stats is a reading of an arena. Bytes are of spans, not of what was asked for.
type Stats struct {
	TotalBytes      int64
	FreeBytes       int64 // spans on the lists; room inside pages of small objects is not counted
	UsedBytes       int64
	LowestFreeBytes int64 // the lowest FreeBytes ever was
	LowWaterBytes   int64

	Allocs         int64 // successful requests
	Frees          int64
	ForeignFrees   int64 // of them released on another thread: a sign of unclear ownership
	Failures       int64 // refused requests
	Oversized      int64 // requests above DataPathBytes
	Reclaims       int64 // times the hook ran
	ReclaimedBytes int64
	Headers        int64 // Buf headers ever made
	Lends          int64 // spans given to other shards, and
	LoansBack      int64 // of them come home

	PurposeBytes [Purposes]int64 // live bytes by what they are for

	FreeSpans  [maxOrders]int64 // by order, short lists included
	QuickSpans [maxOrders]int64 // of them on the short lists
	UsedSpans  [maxOrders]int64 // by order, without pages of small objects
	SmallLive  [slabCount]int64 // by class: 512, 1024, 2048 bytes
	SmallPages [slabCount]int64
}

// FreeBytes is the memory in free spans. Owner only.
func (a *Arena) FreeBytes() int64 { return a.free }

// Stats reads everything. Owner only; other threads use Scrape.
func (a *Arena) Stats() Stats {
	s := Stats{
		TotalBytes: int64(len(a.region)), FreeBytes: a.FreeBytes(),
		LowestFreeBytes: a.n.lowestFree, LowWaterBytes: a.lowWater,
		Allocs: a.n.allocs, Frees: a.n.frees, ForeignFrees: a.n.foreign,
		Failures: a.n.failures, Oversized: a.n.oversized,
		Reclaims: a.n.reclaims, ReclaimedBytes: a.n.reclaimed, Headers: a.n.headers,
		Lends: a.n.lends, LoansBack: a.n.loansBack, PurposeBytes: a.n.purpose,
		FreeSpans: a.buddy.count, UsedSpans: a.n.used,
		SmallLive: a.slabs.live, SmallPages: a.slabs.pages,
	}
	s.UsedBytes = s.TotalBytes - s.FreeBytes
	for order := range a.quick {
		s.QuickSpans[order] = int64(a.quick[order].n)
		s.FreeSpans[order] += s.QuickSpans[order]
	}
	return s
}

// Poll shows the stats if somebody asked: an atomic load otherwise. Owner only,
// once per loop round.
func (a *Arena) Poll() {
	if a.shown.Wanted() {
		s := a.Stats()
		a.shown.Put(&s)
	}
}

// Scrape asks the owner for its stats from any other thread and waits at most
// wait; fresh is false when these are older ones. wake may be nil.
func (a *Arena) Scrape(wait time.Duration, wake func()) (s Stats, fresh bool) {
	return a.shown.Get(wait, wake)
}

// Availability is the share of free memory that can serve a request of the given
// size without merging or reclaiming: 1 when memory is whole, towards 0 as it
// breaks up. (The measure is Seastar's, from its fragmentation RFC.) 1 when
// nothing is free.
func (s *Stats) Availability(size int) float64 {
	if s.FreeBytes == 0 {
		return 1
	}
	var usable int64
	for order := orderOf(max(size, 1)); order < maxOrders; order++ {
		usable += s.FreeSpans[order] << order * PageBytes
	}
	return float64(usable) / float64(s.FreeBytes)
}

// Dump writes the arena's state for a person: what is free and used by size.
// Owner only. The caller limits how often.
func (a *Arena) Dump(w io.Writer) error {
	s := a.Stats()
	_, err := fmt.Fprintf(w, "arena: total %d used %d free %d (lowest %d, mark %d) bytes; refused %d, oversized %d, foreign frees %d, reclaims %d\n",
		s.TotalBytes, s.UsedBytes, s.FreeBytes, s.LowestFreeBytes, s.LowWaterBytes, s.Failures, s.Oversized, s.ForeignFrees, s.Reclaims)
	if err != nil {
		return err
	}
	for shard, n := range a.lentTo {
		if n > 0 {
			fmt.Fprintf(w, "  lent to shard %d: %d bytes\n", shard, n)
		}
	}
	fmt.Fprintf(w, "%12s %10s %10s %10s %8s\n", "span bytes", "used", "free", "quick", "avail")
	for order := range s.FreeSpans {
		size := PageBytes << order
		if size > len(a.region) {
			break
		}
		fmt.Fprintf(w, "%12d %10d %10d %10d %7.1f%%\n", size, s.UsedSpans[order], s.FreeSpans[order], s.QuickSpans[order], 100*s.Availability(size))
	}
	fmt.Fprintf(w, "%12s %10s %10s\n", "small bytes", "live", "pages")
	for class := range s.SmallLive {
		if _, err = fmt.Fprintf(w, "%12d %10d %10d\n", classBytes(class), s.SmallLive[class], s.SmallPages[class]); err != nil {
			return err
		}
	}
	return nil
}
