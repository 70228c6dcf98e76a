//go:build !race

package conformance

// reduced is for the race detector alone.
const reduced = false
