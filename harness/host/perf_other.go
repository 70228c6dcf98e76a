//go:build !linux

package host

// EventCounters are Linux's.
type EventCounters struct{}

// CountEvents needs Linux.
func CountEvents(Machine, int, bool) *EventCounters { return &EventCounters{} }

// Read says so.
func (*EventCounters) Read() (out EventCounts) {
	for _, a := range out.answers() {
		*a.why = "performance events need Linux"
	}
	return out
}

// Threads has nothing to add.
func (*EventCounters) Threads([]ThreadCost) {}

// Close has nothing to end.
func (*EventCounters) Close() {}
