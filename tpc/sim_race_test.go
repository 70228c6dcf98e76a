//go:build race || invariants

package tpc

// checkedBuild: everything is slow, and arenas look at which thread calls.
const checkedBuild = true
