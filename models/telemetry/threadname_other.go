//go:build !linux

package telemetry

// NameThread does nothing here.
func NameThread(string) {}
