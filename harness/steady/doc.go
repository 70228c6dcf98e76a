// Package steady says whether the measured window of a cell was steady: where the
// warm-up ended, and whether response times moved from one interval to the next.
// The verdict is printed beside the cell; by default it changes no number of it. Where
// the experiment declares so, the beginning of windows is dropped, as much in all
// cells of a block.
package steady
