// Package steady says whether the measured window of a cell was steady: where the
// warm-up ended, and whether response times moved from one interval to the next.
// The verdict is printed beside the cell and changes no number of it.
package steady
