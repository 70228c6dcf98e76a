// Package figure draws what a result shows. It knows nothing of result
// directories: it takes curves, points and bars, and gives files.
//
// A figure is drawn once for each format from the same list of strokes, and its
// bytes depend on nothing but what is drawn, so that a result can be verified by
// drawing again. Beside each figure lies a .csv of its data.
//
// Rules that hold for every figure: an arm has one colour, dash and marker
// everywhere, told apart without colour too; a replicate is grey with the dash
// and marker of the arm it repeats; the footer says on what kind of machine,
// with what durability and from how many blocks and requests it came, and the
// hash of the raw files; axes are handed in, so that the same quantity has the
// same axis in every figure of a result; and a curve ends where the samples do.
package figure
