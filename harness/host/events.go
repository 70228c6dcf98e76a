package host

// EventCounts is what the kernel and the processor have counted for a process's
// threads. Null where the machine does not count it, and then a reason says why:
// nothing here is ever 0 for want of a counter.
type EventCounts struct {
	Cycles       *int64 `json:"cycles,omitempty"`
	Instructions *int64 `json:"instructions,omitempty"`
	// Cache are the accesses to the last level of cache and those of them that it
	// did not serve, L1D loads of the first level and those that it did not serve.
	CacheReferences *int64 `json:"cache_references,omitempty"`
	CacheMisses     *int64 `json:"cache_misses,omitempty"`
	L1DLoads        *int64 `json:"l1d_loads,omitempty"`
	L1DMisses       *int64 `json:"l1d_misses,omitempty"`
	// SystemCalls are those of every thread, Go's runtime included, as they enter
	// the kernel.
	SystemCalls *int64 `json:"system_calls,omitempty"`

	NoEvents      string `json:"no_events,omitempty"`
	NoCaches      string `json:"no_caches,omitempty"`
	NoL1D         string `json:"no_l1d,omitempty"`
	NoSystemCalls string `json:"no_system_calls,omitempty"`
}

// answer is one group of events: what it fills, and where its reason goes.
type answer struct {
	of  eventGroup
	to  []**int64
	why *string
}

type eventGroup uint8

const (
	groupWork eventGroup = iota
	groupCaches
	groupL1D
	groupSystemCalls
	eventGroups
)

func (e *EventCounts) answers() [eventGroups]answer {
	return [...]answer{
		{groupWork, []**int64{&e.Cycles, &e.Instructions}, &e.NoEvents},
		{groupCaches, []**int64{&e.CacheReferences, &e.CacheMisses}, &e.NoCaches},
		{groupL1D, []**int64{&e.L1DLoads, &e.L1DMisses}, &e.NoL1D},
		{groupSystemCalls, []**int64{&e.SystemCalls}, &e.NoSystemCalls},
	}
}
