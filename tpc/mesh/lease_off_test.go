//go:build !invariants

package mesh

const invariants = false
