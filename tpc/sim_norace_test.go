//go:build !race && !invariants

package tpc

const checkedBuild = false
