// Package capacity finds the highest load at which a broker keeps a promise, such
// as a p99 of 5 ms, and says how well that is known.
//
// In every block each arm is asked for one rate after the other: doubled until
// the promise is broken, or halved until it is kept, then the geometric middle of
// the bracket. A block's capacity is where the share of kept promises, made
// monotone in the rate, crosses one half; the interval is over blocks, as
// everywhere, from the rates that they kept to those that they broke: all of them
// bisect the same grid, so what lies between two of its rates is nobody's noise.
// Which rate comes next follows from the answers alone, so that an interrupted run
// goes on as it would have.
package capacity
