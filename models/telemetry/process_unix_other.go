//go:build unix && !linux

package telemetry

// rusageRSSUnit is the unit of ru_maxrss: the other systems count bytes or KiB;
// Darwin, where the suite is developed, counts bytes.
const rusageRSSUnit = 1
