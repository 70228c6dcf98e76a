//go:build !unix

package telemetry

// processFamilies is empty where the kernel has no getrusage.
func processFamilies() []family { return nil }
