// Package tidy holds the shape of the house as a test: which way imports go,
// which files may use unsafe, how long files are, what stands at the top.
//
// A rule looks at one parsed file, or at the whole tree, and returns problems
// that say what is wrong, where, and why the rule is there. The rules are tested
// on bad snippets, so that none of them passes because it looks at nothing.
package tidy
