// Package quota is Kafka's arithmetic of client quotas: how fast a client has
// lately been, and how long it has to wait so that its rate falls back to what
// it may. It reads no clock and takes no lock; a shell calls it and lets the
// client wait in its own way.
//
//	         window, 1 s each                   now
//	│ s0 │ s1 │ s2 │ … │ s9 │ s10 ──────────────▶│
//	 sum of what was recorded in each, 11 of them
//
//	rate      sum / time since the oldest sample began, at least 10 windows
//	throttle  (rate - bound) / bound × that time
//
// A broker answers a client that was too fast at once, with the time it has to
// wait in the response, and does not read from it until then.
package quota
