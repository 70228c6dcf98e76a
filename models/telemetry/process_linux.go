package telemetry

// rusageRSSUnit is the unit of ru_maxrss: Linux counts KiB.
const rusageRSSUnit = 1024
