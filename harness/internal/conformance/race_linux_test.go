//go:build race

package conformance

// reduced says that the race detector is on, which costs ten times the time:
// every test runs, over fewer points.
const reduced = true
