// Package telemetry is what a broker says of itself: the stage clock of every
// request, counters, histograms, and the admin port that serves them.
package telemetry
